package pgtest

import "syscall"

// dieWithParent makes the kernel end the server when this process ends without
// stopping it: on a panic, a timeout or a SIGKILL.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
