package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/reference"
)

// runBackend is the MCP server behind everything: over stdio, or over HTTP with a profile in the
// path of each request.
func runBackend(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("backend", flag.ExitOnError)
	stdio := flags.Bool("stdio", false, "serve on standard input and output")
	path := flags.String("path", backend.Profile{Era: backend.Both, Tools: 10}.Path(), "with -stdio: the profile, /ERA/TOOLS/NUMBER/mcp")
	delay := flags.Duration("delay", 0, "with -stdio: time that it takes to start")
	listen := flags.String("listen", "127.0.0.1:0", "address to serve HTTP on")
	origins := flags.Int("origins", 0, "number of further addresses to serve HTTP on, at any port of this host")
	_ = flags.Parse(args) // it exits on errors
	if !*stdio {
		return serveBackends(ctx, *listen, *origins)
	}
	profile, err := backend.ParsePath(*path)
	if err != nil {
		return err
	}
	s, err := backend.New(profile)
	if err != nil {
		return err
	}
	time.Sleep(*delay)
	return s.Stdio(os.Stdin, os.Stdout)
}

// serveBackends serves at an address and at some more, which it prints before that.
func serveBackends(ctx context.Context, address string, more int) error {
	var listeners []net.Listener
	for range more {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Printf("also http://%s\n", l.Addr())
		listeners = append(listeners, l)
	}
	return serve(address, backend.Profile{Era: backend.Both, Tools: 10}.Path(), func(l net.Listener) error {
		return backend.Serve(ctx, append(listeners, l)...)
	})
}

func runProxy(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("reverse-proxy", flag.ExitOnError)
	var to []*url.URL
	flags.Func("to", "URL of a backend, served under the same path; may be repeated", func(value string) error {
		u, err := url.Parse(value)
		to = append(to, u)
		return err
	})
	listen := flags.String("listen", "127.0.0.1:0", "address to serve on")
	_ = flags.Parse(args) // it exits on errors
	if len(to) == 0 {
		return errors.New("reverse-proxy: -to is missing")
	}
	return serveHandler(ctx, *listen, to[0].Path, reference.Proxy(to...))
}

func runBare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bare", flag.ExitOnError)
	path := flags.String("path", backend.Profile{Era: backend.Both, Tools: 10}.Path(), "the profile, /ERA/TOOLS/NUMBER/mcp")
	list := flags.String("list", "", "file with the result of tools/list")
	listen := flags.String("listen", "127.0.0.1:0", "address to serve on")
	_ = flags.Parse(args) // it exits on errors
	profile, err := backend.ParsePath(*path)
	if err != nil {
		return err
	}
	var result []byte
	if *list != "" {
		if result, err = os.ReadFile(*list); err != nil {
			return err
		}
	}
	handler, err := reference.NewBare(profile, result)
	if err != nil {
		return err
	}
	return serveHandler(ctx, *listen, *path, handler)
}

func serveHandler(ctx context.Context, address, path string, handler http.Handler) error {
	return serve(address, path, func(l net.Listener) error { return reference.Serve(ctx, l, handler) })
}

// serve listens, says where, and serves.
func serve(address, path string, on func(net.Listener) error) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening http://%s%s\n", listener.Addr(), path)
	return on(listener)
}
