package policy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoFileNamesThisMachine holds that nothing in the repository knows where it was written. A
// directory right under the top, such as /src or /root, has a name like any other.
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
		if bytes.IndexByte(text, 0) >= 0 {
			return // a program, which knows where it was built
		}
		for _, p := range paths {
			if strings.Count(p, "/") > 1 && bytes.Contains(text, []byte(p+"/")) {
				t.Errorf("%s names %s", path, p)
			}
		}
	})
}
