package main

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"gokeeper/server/config"
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
	if cfg.ClientPort == 0 {
		return c.secureStatus(&cfg)
	}
	host := c.found(cfg.ClientPort, cfg.ClientAddress, false)
	answer, err := survey.Ask(net.JoinHostPort(host, strconv.Itoa(cfg.ClientPort)), "srvr", statusLimit)
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
	fmt.Fprintln(c.stdout, "Error contacting service. It is probably not running.")
	return exitCode(1)
}

// found prints where the server is asked, and returns the host.
func (c *control) found(port int, host string, secure bool) string {
	if host == "" {
		host = "localhost"
	}
	fmt.Fprintf(c.stdout, "Client port found: %d. Client address: %s. Client SSL: %v.\n", port, host, secure)
	return host
}

// secureStatus tells why a server without a plain client port cannot be asked.
func (c *control) secureStatus(cfg *config.Config) error {
	fmt.Fprintln(c.stdout, "Client port not found. Looking for secureClientPort in the static config.")
	if cfg.SecureClientPort == 0 {
		fmt.Fprintln(c.stdout, "Unable to find either secure or unsecure client port in any configs. Terminating.")
		return exitCode(1)
	}
	c.found(cfg.SecureClientPort, cfg.SecureClientAddress, true)
	fmt.Fprintf(c.stdout, "Note: secureClientPort (%d) was not asked, since this version does not speak TLS. Set clientPort.\n",
		cfg.SecureClientPort)
	fmt.Fprintln(c.stdout, "Error contacting service. It is probably not running.")
	return exitCode(1)
}
