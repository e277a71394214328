package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/fault"
)

// healthTime bounds a health check.
const healthTime = 5 * time.Second

func newHealth(env *Env) *cobra.Command {
	var file string
	var over config.Flags
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the running gateway whether it lives",
		Long: `Ask the listener that the configuration describes for /health/live. The exit code is 0
when the gateway answers, and 1 otherwise; this is what a container's health check runs.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return env.health(file, over) },
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration `file`")
	cmd.Flags().StringVar(&over.Host, "host", "", "the `address` the gateway listens on")
	cmd.Flags().StringVar(&over.Port, "port", "", "the `port` the gateway listens on")
	return cmd
}

func (env *Env) health(file string, over config.Flags) error {
	source, err := env.source(file, over)
	if err != nil {
		return err
	}
	c, problems := source.Load()
	if c == nil {
		return wrongConfig(env.Stderr, problems)
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTime)
	defer cancel()
	if err := askHealth(ctx, &c.Server); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, "ok")
	return nil
}

// clientOf returns an HTTP client for the listener that a configuration describes.
func clientOf(s *config.Server) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return daemon.Dial(ctx, s)
		},
	}}
}

func askHealth(ctx context.Context, s *config.Server) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/health/live", nil)
	if err != nil {
		return err
	}
	answer, err := clientOf(s).Do(request)
	if err != nil {
		return unheard(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "the gateway answers with status %d", answer.StatusCode).WithHint("is it 1mcp that listens there?")
	}
	return nil
}

// unheard says why there is no answer.
func unheard(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok { // of the dial
		return fault.New(fault.Unavailable, "the gateway does not answer: %s", fault.Public(err)).WithCause(err)
	}
	said := "what listens there does not answer in HTTP"
	if ctx.Err() != nil {
		said = "what listens there takes the connection and says nothing"
	}
	return fault.New(fault.Unavailable, "%s", said).WithHint("is it another program, or a listener with TLS? see what has the port").WithCause(err)
}
