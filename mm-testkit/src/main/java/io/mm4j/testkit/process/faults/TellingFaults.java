// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.NumaStats;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The faults of the cases about what is told of memory. */
final class TellingFaults {
  private TellingFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.floor(
            "nobody-is-a-stranger",
            "Every process is root's.",
            right ->
                new DelegatingFloor(right) {
                  @Override
                  public AddressSpace createAddressSpace(AddressSpaceConfig config) {
                    return super.createAddressSpace(config.owner(0, 0));
                  }
                },
            "AS-F53"),
        SyscallFaults.call(
            "uses-again",
            "POSIX_FADV_NOREUSE does nothing.",
            (mm, call, a) ->
                call == Syscall.FADVISE64 && a[3] == Uapi.POSIX_FADV_NOREUSE
                    ? 0
                    : mm.syscall(call, a),
            "AS-F54"),
        SyscallFaults.floor(
            "counts-once",
            "numa_maps says of every page that it is mapped once.",
            right -> DelegatingSpace.floor(right, MappedOnce::new),
            "AS-F55"),
        SyscallFaults.floor(
            "decimal-only",
            "Zeroes in front of a number are not looked at.",
            right ->
                new DelegatingFloor(right) {
                  @Override
                  public long writeSysctl(String name, String value) {
                    return super.writeSysctl(name, value.replaceFirst("^0+(?=[0-9])", ""));
                  }
                },
            "AS-F56"),
        SyscallFaults.floor(
            "shows-what-was-typed",
            "A file under /proc/sys shows the text that was written to it.",
            right ->
                new DelegatingFloor(right) {
                  private final Map<String, String> typed = new HashMap<>();

                  @Override
                  public long writeSysctl(String name, String value) {
                    typed.put(name, value);
                    return super.writeSysctl(name, value);
                  }

                  @Override
                  public Optional<String> readSysctl(String name) {
                    return Optional.ofNullable(typed.get(name)).or(() -> super.readSysctl(name));
                  }
                },
            "AS-F99"),
        SyscallFaults.call(
            "says-what-it-has-not-read",
            "process_vm_readv says how much it was to read.",
            (mm, call, a) -> call == Syscall.PROCESS_VM_READV ? 2 : mm.syscall(call, a),
            "AS-F57"),
        SyscallFaults.floor(
            "surplus-of-no-node",
            "Surplus pages are counted of the whole pool only.",
            right ->
                new DelegatingFloor(right) {
                  @Override
                  public List<HugePages> hugePoolsOf(int nodeId) {
                    return super.hugePoolsOf(nodeId).stream()
                        .map(p -> new HugePages(p.pageBytes(), p.total(), p.free(), 0, 0, 0))
                        .toList();
                  }
                },
            "AS-F58"));
  }

  private static final class MappedOnce extends DelegatingSpace {
    MappedOnce(AddressSpace inner) {
      super(inner, MappedOnce::new);
    }

    @Override
    public NumaStats numaStats(long vmaStart) {
      NumaStats s = super.numaStats(vmaStart);
      return new NumaStats(
          s.pages(), s.anon(), s.dirty(), s.active(), Math.min(1, s.mapcountMax()), s.byNode());
    }
  }
}
