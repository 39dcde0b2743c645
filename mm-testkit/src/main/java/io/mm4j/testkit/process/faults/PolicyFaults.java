// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The faults of the cases about policies, advice for the page cache, and limits of segments. */
final class PolicyFaults {
  private PolicyFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "binds-nothing",
            "mbind of a mapped range says that it was done.",
            (mm, call, a) ->
                call == Syscall.MBIND && a[2] != Uapi.MPOL_DEFAULT ? 0 : mm.syscall(call, a),
            "AS-F60"),
        SyscallFaults.call(
            "forgets-the-highest-node",
            "mbind to some nodes leaves the highest one out.",
            (mm, call, a) ->
                call == Syscall.MBIND && Long.bitCount(a[3]) > 1
                    ? mm.syscall(
                        call, a[0], a[1], a[2], a[3] ^ Long.highestOneBit(a[3]), a[4], a[5])
                    : mm.syscall(call, a),
            "AS-105"),
        SyscallFaults.call(
            "never-strict",
            "MPOL_MF_STRICT is not looked at.",
            (mm, call, a) ->
                call == Syscall.MBIND
                    ? mm.syscall(call, a[0], a[1], a[2], a[3], a[4], a[5] & ~Uapi.MPOL_MF_STRICT)
                    : mm.syscall(call, a),
            "AS-F61"),
        SyscallFaults.call(
            "tells-of-the-process",
            "get_mempolicy of an address tells the policy of the process.",
            (mm, call, a) ->
                call == Syscall.GET_MEMPOLICY && a[4] == Uapi.MPOL_F_ADDR
                    ? mm.syscall(call, a[0], a[1], a[2], 0, 0)
                    : mm.syscall(call, a),
            "AS-F62"),
        SyscallFaults.floor(
            "each-mapping-its-own",
            "A policy of shared memory is that of the mapping it was given by.",
            right -> DelegatingSpace.floor(right, OwnPolicies::new),
            "AS-F63"),
        SyscallFaults.call(
            "a-node-for-everything",
            "move_pages tells a node where no page is.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.MOVE_PAGES && result == -Errno.ENOENT ? 0 : result;
            },
            "AS-F64"),
        SyscallFaults.call(
            "marks-nothing",
            "PR_SET_MEMORY_MERGE is forgotten at once.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              if (call == Syscall.PRCTL && a[0] == Uapi.PR_GET_MEMORY_MERGE && result == 1) {
                long _ = mm.syscall(call, Uapi.PR_SET_MEMORY_MERGE, 0, 0, 0, 0);
              }
              return result;
            },
            "AS-F65"),
        SyscallFaults.call(
            "drops-the-blocks-too",
            "POSIX_FADV_DONTNEED makes a hole.",
            (mm, call, a) ->
                call == Syscall.FADVISE64 && a[3] == Uapi.POSIX_FADV_DONTNEED && a[2] > 0
                    ? mm.syscall(Syscall.FALLOCATE, a[0], 3, a[1], a[2])
                    : mm.syscall(call, a),
            "AS-F66"),
        SyscallFaults.call(
            "random-is-normal",
            "POSIX_FADV_RANDOM changes nothing.",
            (mm, call, a) ->
                call == Syscall.FADVISE64 && a[3] == Uapi.POSIX_FADV_RANDOM
                    ? 0
                    : mm.syscall(call, a),
            "AS-F67"),
        SyscallFaults.call(
            "collapses-to-a-hole",
            "FALLOC_FL_COLLAPSE_RANGE makes a hole.",
            (mm, call, a) ->
                call == Syscall.FALLOCATE && a[1] == Uapi.FALLOC_FL_COLLAPSE_RANGE
                    ? mm.syscall(call, a[0], 3, a[2], a[3])
                    : mm.syscall(call, a),
            "AS-F68"),
        SyscallFaults.unheard(
            "all-segments-are-one", "kernel.shmall is not looked at.", "shmall", "AS-F69"));
  }

  private static final class OwnPolicies extends DelegatingSpace {
    private final Set<Long> bound = new HashSet<>();

    OwnPolicies(AddressSpace inner) {
      super(inner, OwnPolicies::new);
    }

    @Override
    public long syscall(Syscall call, long... args) {
      if (call == Syscall.MBIND) {
        bound.add(args[0]);
      }
      return super.syscall(call, args);
    }

    @Override
    public String memoryPolicy(long uaddr) {
      boolean[] shared = {false};
      inner.forEachVma(uaddr, uaddr + 1, vma -> shared[0] |= vma.perms().endsWith("s"));
      return shared[0] && !bound.contains(uaddr) ? "default" : super.memoryPolicy(uaddr);
    }
  }
}
