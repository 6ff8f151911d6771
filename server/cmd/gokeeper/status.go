package main

import (
	"cmp"
	"fmt"
	"time"

	"gokeeper/server/survey"
)

// statusLimit is how long status waits for an answer.
const statusLimit = 5 * time.Second

// status asks the server of the configuration in which mode it runs. The lines are
// those of zkServer.sh.
func (c *control) status(args []string) error {
	cfg, err := c.settings(args)
	if err != nil {
		return err
	}
	secured := cfg.ClientPort == 0
	if secured {
		fmt.Fprintln(c.stdout, "Client port not found. Looking for secureClientPort in the static config.")
		if cfg.SecureClientPort == 0 {
			fmt.Fprintln(c.stdout, "Unable to find either secure or unsecure client port in any configs. Terminating.")
			return exitCode(1)
		}
		c.found(cfg.SecureClientPort, cfg.SecureClientAddress, true)
	} else {
		c.found(cfg.ClientPort, cfg.ClientAddress, false)
	}
	_, answer, err := ask(&cfg, "srvr", statusLimit)
	if err == nil {
		if summary, err := survey.ReadSummary(answer); err == nil {
			fmt.Fprintln(c.stdout, "Mode: "+summary.Mode)
			return nil
		}
		if cfg.Distributed {
			c.noQuorum(&cfg)
			return exitCode(1)
		}
	}
	if secured && err != nil {
		fmt.Fprintf(c.stdout, "Note: secureClientPort (%d) was asked with the server's own certificate: %v\n", cfg.SecureClientPort, err)
	}
	fmt.Fprintln(c.stdout, "Error contacting service. It is probably not running.")
	return exitCode(1)
}

// found prints where the server is asked.
func (c *control) found(port int, host string, secure bool) {
	fmt.Fprintf(c.stdout, "Client port found: %d. Client address: %s. Client SSL: %v.\n", port, cmp.Or(host, "localhost"), secure)
}
