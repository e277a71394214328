package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"onemcp/internal/secret"
)

const value = "hunter2"

type outer struct {
	Public  string
	private secret.Text
	Shown   secret.Text
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	o := outer{Public: "p", private: secret.New(value), Shown: secret.New(value)}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", o.Shown, "outer", o)
	asJSON, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{
		"slog": log.String(),
		"json": string(asJSON),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		outputs[verb] = fmt.Sprintf(verb, o) + fmt.Sprintf(verb, &o) + fmt.Sprintf(verb, o.Shown)
	}
	for name, out := range outputs {
		if strings.Contains(out, value) || strings.Contains(out, fmt.Sprintf("%x", value)) {
			t.Errorf("%s shows the secret: %s", name, out)
		}
	}
}

func TestRevealEqualHash(t *testing.T) {
	t.Parallel()
	a, b := secret.New(value), secret.New(value)
	if a.Reveal() != value || !a.Equal(b) || a.Hash() != b.Hash() || a.Empty() {
		t.Errorf("reveal, equality or hash of the same value differ")
	}
	var zero secret.Text
	if zero.Reveal() != "" || !zero.Empty() || zero.Equal(a) {
		t.Errorf("the zero secret is not the empty one")
	}
}
