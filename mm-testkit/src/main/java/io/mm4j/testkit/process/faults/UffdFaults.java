// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;

/** The faults of the cases about userfaultfd. */
final class UffdFaults {
  private UffdFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "watches-on",
            "A userfaultfd that is closed goes on to watch.",
            (mm, call, a) -> call == Syscall.CLOSE ? 0 : mm.syscall(call, a),
            "AS-F77"),
        SyscallFaults.call(
            "copies-all-or-nothing",
            "UFFDIO_COPY that cannot bring all pages gives the error of the next one.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.UFFDIO_COPY && result == -Errno.EAGAIN
                  ? -Errno.EEXIST
                  : result;
            },
            "AS-F78"),
        SyscallFaults.call(
            "flags-before-rights",
            "userfaultfd looks at its flags first.",
            (mm, call, a) ->
                call == Syscall.USERFAULTFD && (a[0] & ~(long) Uffd.CLOEXEC & 2) != 0
                    ? -Errno.EINVAL
                    : mm.syscall(call, a),
            "AS-F79"));
  }
}
