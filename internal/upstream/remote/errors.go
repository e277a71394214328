package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"onemcp/internal/fault"
	"onemcp/internal/peer"
	"onemcp/internal/upstream"
)

// errUnreachable is in the chain of faults that say that there is nobody at the backend's address.
var errUnreachable = errors.New("unreachable")

// errClosing is what calls fail with when their connection is closed.
func (e *endpoint) errClosing() *fault.Error {
	return fault.New(fault.Unavailable, "the connection to backend %q is being closed", e.name)
}

func (e *endpoint) errNotConnected() *fault.Error {
	return fault.New(fault.Unavailable, "backend %q is not connected", e.name)
}

func (e *endpoint) errSessionLost() *fault.Error {
	return fault.New(fault.Unavailable, "backend %q has ended the session", e.name).WithCause(upstream.ErrSessionLost)
}

// errSessionOver is errSessionLost for a call that the backend had taken: nobody may take it for one that can be made again.
func (e *endpoint) errSessionOver() *fault.Error {
	return fault.New(fault.Unavailable, "backend %q has ended the session in the middle of the call", e.name).
		WithHint("it may have been restarted; the call may have been carried out")
}

func (e *endpoint) errTooLarge() *fault.Error {
	return fault.New(fault.TooLarge, "backend %q sent a message over the limit of %d bytes", e.name, e.max).
		WithHint("raise its maxMessageSize")
}

func (e *endpoint) errMalformed(err error) *fault.Error {
	return fault.New(fault.Malformed, "backend %q sent a message that is not valid: %s", e.name, err).WithHint(peer.HintBroken)
}

// errCut is the end of a stream or body before its time.
func (e *endpoint) errCut(err error) *fault.Error {
	return fault.New(fault.Unavailable, "backend %q broke off its answer", e.name).
		WithHint("its own log, or that of a proxy before it, may say why; the call may have been carried out").WithCause(err)
}

// broken turns an error of net/http into a fault.
func (e *endpoint) broken(err error) *fault.Error {
	reason, unreachable := diagnose(err)
	if unreachable {
		return fault.New(fault.Unavailable, "backend %q cannot be reached: %s", e.name, reason).
			WithHint("is it running, and is its url right?").WithCause(fmt.Errorf("%w: %w", errUnreachable, err))
	}
	return fault.New(fault.Unavailable, "the connection to backend %q broke: %s", e.name, reason).
		WithHint("is it running still? The call may have been carried out").WithCause(err)
}

// diagnose says in words what an error of net/http means, and whether it shows that nobody is there.
func diagnose(err error) (reason string, unreachable bool) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the host name %q cannot be resolved", dns.Name), true
	}
	if reason, ok := diagnoseTLS(err); ok {
		return reason, true
	}
	op, isOp := errors.AsType[*net.OpError](err)
	unreachable = isOp && (op.Op == "dial" || op.Op == "proxyconnect")
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused", unreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it was reset", unreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it was closed before the answer", unreachable
	case isOp && op.Timeout():
		return "no answer to the attempt to connect", unreachable
	case unreachable:
		return "the attempt to connect failed", true
	}
	return "the exchange failed", false
}

func diagnoseTLS(err error) (reason string, ok bool) {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not trusted", true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another host", true
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if string(e.RecordHeader[:]) == "HTTP/" {
			return "it speaks plain HTTP there, so its url begins with http://", true
		}
		return "it does not speak TLS", true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "the TLS handshake failed", true
	}
	return "", false
}

const statusText = 512 // of a body that is kept for the log

// status returns what is known of an answer that is no message.
func status(a answer, body []byte) *upstream.StatusError {
	text := strings.ToValidUTF8(string(body[:min(len(body), statusText)]), "?")
	return &upstream.StatusError{Code: a.code, Text: text}
}

// refused is the fault for an answer that is no message. 401 and 403 have one of their own.
func (e *endpoint) refused(s *upstream.StatusError) *fault.Error {
	switch s.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.New(fault.Unauthorized, "backend %q refused our credentials (HTTP status %d)", e.name, s.Code).
			WithHint(`check the "headers" of its entry`).WithCause(s)
	}
	f := fault.New(fault.Unavailable, "backend %q answered with HTTP status %d", e.name, s.Code).WithCause(s)
	switch {
	case s.Code == http.StatusBadRequest && saysTLS(s.Text):
		return f.WithHint("it wants TLS there, so its url begins with https://")
	case s.Code == http.StatusTooManyRequests:
		return f.WithHint("it takes no more requests for now: maxConcurrency of its entry bounds ours")
	case s.Code >= 500:
		return f.WithHint("its own log, or that of a proxy before it, may say why")
	}
	return f.WithHint("is its url that of the MCP endpoint?")
}

// saysTLS reports whether a server says in clear words that it wants TLS, as those of Go, nginx and Apache do.
func saysTLS(text string) bool {
	return strings.Contains(text, "HTTPS server") || strings.Contains(text, "HTTPS port") || strings.Contains(text, "SSL-enabled server port")
}

// notOpened gives the failure of an opening a sentence, if it has none yet.
func (e *endpoint) notOpened(err error) error {
	s, ok := errors.AsType[*upstream.StatusError](err)
	if !ok || fault.KindOf(err) != fault.Internal {
		return err
	}
	return e.refused(s)
}
