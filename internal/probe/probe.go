package probe

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/secret"
)

// Header carries a token.
const Header = "X-1mcp-Probe"

// Lifetime is how long a token is good.
const Lifetime = 10 * time.Minute

const (
	keyFile  = "probe.key"
	keySize  = 32
	stampLen = 8
	tokenLen = stampLen + sha256.Size
)

// Key makes and checks tokens.
type Key struct{ key []byte }

// Dir returns the state directory: the flag, else ONE_MCP_STATE_DIR, else 1mcp below
// XDG_STATE_HOME or ~/.local/state. It is "" when none can be told.
func Dir(flag string, lookup func(string) (string, bool)) string {
	if flag != "" {
		return flag
	}
	if dir, _ := lookup("ONE_MCP_STATE_DIR"); dir != "" {
		return dir
	}
	if dir, _ := lookup("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "1mcp")
	}
	if home, _ := lookup("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "1mcp")
	}
	return ""
}

// Open returns the key of a state directory and makes both where they are missing, readable for the
// user alone.
func Open(dir string) (*Key, error) {
	k, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.New(fault.Unavailable, "the state directory %s cannot be made", dir).WithHint("set --state-dir or ONE_MCP_STATE_DIR").WithCause(err)
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	if err := create(dir, key); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fault.New(fault.Unavailable, "the state directory %s cannot be written", dir).WithHint("set --state-dir or ONE_MCP_STATE_DIR").WithCause(err)
	}
	return Load(dir) // another process may have been first
}

// create writes the key under a name of its own and links it into place, so that nobody ever reads half a key.
func create(dir string, key []byte) error {
	f, err := os.CreateTemp(dir, keyFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(key)
	if err := errors.Join(err, f.Chmod(0o600), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(dir, keyFile))
}

// Load reads the key of a state directory. A key that is missing is an fs.ErrNotExist; one that others
// can read is refused.
func Load(dir string) (*Key, error) {
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Unavailable, "the state directory %s cannot be used", dir).WithHint("name a directory that this user may write, by --state-dir or ONE_MCP_STATE_DIR").WithCause(err)
	}
	if err != nil {
		return nil, fault.New(fault.NotFound, "there is no probe key in %s", dir).WithHint("start the gateway first, and use its --state-dir or ONE_MCP_STATE_DIR").WithCause(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Denied, "others can read the probe key %s", path).WithHint("chmod 600 it, or remove it and start the gateway again")
	}
	key, err := os.ReadFile(path)
	if err != nil || len(key) != keySize {
		return nil, fault.New(fault.Unavailable, "the probe key %s cannot be read", path).WithHint("remove it and start the gateway again").WithCause(err)
	}
	return &Key{key}, nil
}

// Mint returns a token that is good from now for [Lifetime].
func (k *Key) Mint(now time.Time) secret.Text {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(now.Add(Lifetime).Unix()))
	return secret.New(base64.RawURLEncoding.EncodeToString(append(stamp, k.sign(stamp)...)))
}

// Check reports whether a token is one of [Key.Mint]'s and has not expired. A nil Key knows none.
func (k *Key) Check(token string, now time.Time) bool {
	data, err := base64.RawURLEncoding.DecodeString(token)
	if k == nil || err != nil || len(data) != tokenLen {
		return false
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(data)), 0)
	return hmac.Equal(data[stampLen:], k.sign(data[:stampLen])) && now.Before(expires) && expires.Sub(now) <= Lifetime+time.Second
}

func (k *Key) sign(stamp []byte) []byte {
	h := hmac.New(sha256.New, k.key)
	_, _ = h.Write(append([]byte("1mcp probe "), stamp...))
	return h.Sum(nil)
}
