package wire

import (
	"bytes"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// Refused is an error to which the modern protocol gives a code of its own.
type Refused struct {
	Code int
	Data []byte       // raw, of the JSON-RPC error; may be nil
	Err  *fault.Error // never nil
}

// Error implements error.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap returns the fault.
func (r *Refused) Unwrap() error { return r.Err }

// CheckID checks the id of a modern request, which must not be a fraction.
func CheckID(m *mcp.Message) error {
	if id := m.IDBytes(); id[0] != '"' && bytes.ContainsAny(id, ".eE") {
		return fault.New(fault.Invalid, "a request's id must be a string or an integer")
	}
	return nil
}

// CheckVersion checks the version in a modern request's _meta; the error is a *Refused.
func CheckVersion(m *mcp.Message) error {
	version, ok := m.Version()
	if !ok {
		return missingLabel(mcp.MetaVersion, "a string")
	}
	if mcp.EraOf(version) != mcp.Modern {
		return &Refused{mcp.CodeUnsupportedVersion, versions(version),
			fault.New(fault.Unsupported, "protocol version %q is not one for requests without a session", version)}
	}
	return nil
}

// CheckCapabilities checks the capabilities in a modern request's _meta; the error is a *Refused.
func CheckCapabilities(m *mcp.Message) error {
	if caps := m.Value(mcp.FieldMetaCapabilities); len(caps) == 0 || caps[0] != '{' {
		return missingLabel(mcp.MetaCapabilities, "an object")
	}
	return nil
}

// CheckModern checks all that a modern request must say of itself where there are no headers.
func CheckModern(m *mcp.Message) error {
	for _, check := range [...]func(*mcp.Message) error{CheckID, CheckVersion, CheckCapabilities} {
		if err := check(m); err != nil {
			return err
		}
	}
	return nil
}

func missingLabel(key, what string) error {
	return &Refused{mcp.CodeInvalidParams, nil, fault.New(fault.Invalid, "params._meta must hold %q, %s", key, what)}
}

// versions is the data of an error about an unknown version.
func versions(requested string) []byte {
	data := []byte(`{"supported":[`)
	for i, v := range mcp.Versions() {
		if i > 0 {
			data = append(data, ',')
		}
		data = mcp.Quote(data, v)
	}
	return append(mcp.Quote(append(data, `],"requested":`...), requested), '}')
}
