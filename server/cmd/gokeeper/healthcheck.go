package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"gokeeper/server/config"
	"gokeeper/server/survey"
)

// healthLimit is how long the health check waits for an answer. It is less than what
// container engines give to a check, so that the reason is heard.
const healthLimit = 3 * time.Second

// healthcheck tells a container engine whether the server of the configuration serves
// clients, by exit code and in one line.
func (c *control) healthcheck(args []string) error {
	mode, err := c.health(args)
	if err != nil {
		fmt.Fprintf(c.stdout, "unhealthy: %v\n", err)
		return exitCode(1)
	}
	fmt.Fprintf(c.stdout, "healthy: %s\n", mode)
	return nil
}

// health returns the mode of the server, or why it does not serve.
func (c *control) health(args []string) (string, error) {
	s := c.read(args)
	for _, complaint := range s.complaints {
		if complaint.Level == config.Error {
			return "", errors.New(complaint.String())
		}
	}
	if s.ClientPort == 0 && s.SecureClientPort == 0 {
		return "", errors.New("there is no client port to ask: set clientPort or secureClientPort")
	}
	address, answer, err := ask(&s.Config, "srvr", healthLimit)
	if err != nil {
		return "", err
	}
	if summary, err := survey.ReadSummary(answer); err == nil {
		return summary.Mode, nil
	}
	return "", fmt.Errorf("%s answers: %q", address, strings.TrimSpace(answer))
}
