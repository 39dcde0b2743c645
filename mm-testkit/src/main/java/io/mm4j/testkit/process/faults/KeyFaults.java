// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;

/** The faults of the cases about protection keys and five levels of page tables. */
final class KeyFaults {
  private KeyFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.floor(
            "keys-stay-open",
            "WRPKRU changes nothing.",
            right -> DelegatingSpace.floor(right, KeepsRights::new),
            "AS-F50"),
        SyscallFaults.floor(
            "code-is-read",
            "PROT_EXEC is PROT_READ and PROT_EXEC.",
            right ->
                DelegatingSpace.floor(
                    right,
                    Tampered.arguments(
                        Tampered.Call.MPROTECT,
                        args -> {
                          args[2] |= args[2] == Uapi.PROT_EXEC ? Uapi.PROT_READ : 0;
                          return true;
                        })),
            "AS-F51"),
        SyscallFaults.floor(
            "window-without-end",
            "Every hint above the first gigabytes counts as one above 47 bits.",
            right ->
                DelegatingSpace.floor(
                    right,
                    Tampered.arguments(
                        Tampered.Call.MMAP,
                        args -> {
                          boolean hint = (args[3] & Uapi.MAP_FIXED) == 0 && args[0] > 1L << 46;
                          args[0] = hint ? Math.max(args[0], 1L << 47) : args[0];
                          return true;
                        })),
            "AS-F52"));
  }

  private static final class KeepsRights extends DelegatingSpace {
    KeepsRights(AddressSpace inner) {
      super(inner, KeepsRights::new);
    }

    @Override
    public void keyRights(int pkru) {}
  }
}
