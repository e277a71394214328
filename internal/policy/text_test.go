package policy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestNoFileNamesThisMachine holds that nothing in the repository knows where it was written.
func TestNoFileNamesThisMachine(t *testing.T) {
	t.Parallel()
	var paths []string
	if top, err := filepath.Abs(root); err == nil {
		paths = append(paths, top)
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, home)
	}
	walk(t, func(path string) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if len(p) > len("/") && bytes.Contains(text, []byte(p+"/")) {
				t.Errorf("%s names %s", path, p)
			}
		}
	})
}
