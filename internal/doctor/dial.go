package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"onemcp/internal/publicurl"
)

// localHeader is the PROXY protocol's version 2 header of the command LOCAL: the connection speaks for itself.
const localHeader = "\r\n\r\n\x00\r\nQUIT\n" + "\x20\x00\x00\x00"

// newDirect returns a caller of the gateway's own listener.
func newDirect(p Plan) *caller {
	l := p.Setup.Listener
	host := l.Address
	if l.Network == "unix" {
		host = "localhost"
	}
	return newCaller("http://"+host, p.Token, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, l.Network, l.Address)
			if err != nil || !p.Setup.ProxyProtocol {
				return conn, err
			}
			if _, err := io.WriteString(conn, localHeader); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return conn, nil
		},
	})
}

// newPublic returns a caller of the public URL. It speaks HTTP/1.1 only, where a Connection header
// can be forged, and through no proxy of the client's own.
func newPublic(p Plan) *caller {
	dialer := &net.Dialer{}
	if p.From.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: p.From.AsSlice()}
	}
	there := hostPort(*p.URL)
	return newCaller(p.URL.String(), p.Token, &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if p.Connect != "" && address == there {
				address = p.Connect
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: p.Insecure},
		ExpectContinueTimeout: patience,
	})
}

// hostPort is where a URL is by itself.
func hostPort(e publicurl.External) string {
	if _, _, err := net.SplitHostPort(e.Host); err == nil {
		return e.Host
	}
	return e.Host + map[string]string{"http": ":80", "https": ":443"}[e.Scheme]
}

// failureOf sorts the error of a request.
func failureOf(err error) Failure {
	text := err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		text = op.Err.Error()
	}
	return Failure{failureKind(err), strings.TrimPrefix(text, "connect: ")}
}

func failureKind(err error) string {
	_, dns := errors.AsType[*net.DNSError](err)
	slow, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errGoOn):
		return goOn
	case dns:
		return "dns"
	case isTLS(err):
		return "tls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "source"
	case errors.Is(err, fs.ErrPermission):
		return "denied"
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case isNet && slow.Timeout(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "cut"
	}
	return "other"
}

// isTLS reports whether the certificate, or what should have been TLS, is to blame.
func isTLS(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, root := errors.AsType[x509.UnknownAuthorityError](err)
	return verify || record || alert || root || strings.Contains(err.Error(), "HTTP response to HTTPS client")
}
