package stdio

import "syscall"

// dieWithParent has the child told when we die without a word. It reaches the child
// alone, not its group; that is the guard's to end.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
