// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.apiguardian.api.API;

/**
 * Everything an address space is made from.
 *
 * @param layout where the program lies and where mmap searches
 * @param asBytes soft RLIMIT_AS, {@link ResourceLimit#INFINITY} for none; so the next three
 * @param dataBytes soft RLIMIT_DATA
 * @param stackBytes soft RLIMIT_STACK
 * @param memlockBytes soft RLIMIT_MEMLOCK
 * @param capabilities what the process may do
 * @param sysctls machine-wide settings, as a recorded process had them or the {@link
 *     ProcessFloor#sysctls()} of this machine
 * @param totalRamKb MemTotal, for the overcommit heuristic
 * @param totalSwapKb SwapTotal
 * @param thp huge page setting
 * @param readImpliesExec personality READ_IMPLIES_EXEC
 * @param uid the user, as segments of System V know it
 * @param gid the group; there are no supplementary ones
 */
@API(status = API.Status.EXPERIMENTAL)
public record AddressSpaceConfig(
    MmLayout layout,
    long asBytes,
    long dataBytes,
    long stackBytes,
    long memlockBytes,
    Set<Capability> capabilities,
    MmSysctls sysctls,
    long totalRamKb,
    long totalSwapKb,
    ThpMode thp,
    boolean readImpliesExec,
    long uid,
    long gid) {
  /** An ordinary user. */
  private static final long USER = 1000;

  /** Copies the set. */
  public AddressSpaceConfig {
    Objects.requireNonNull(layout, "layout");
    Objects.requireNonNull(sysctls, "sysctls");
    Objects.requireNonNull(thp, "thp");
    capabilities = Set.copyOf(capabilities);
  }

  /** The same of user and group 1000. */
  public AddressSpaceConfig(
      MmLayout layout,
      long asBytes,
      long dataBytes,
      long stackBytes,
      long memlockBytes,
      Set<Capability> capabilities,
      MmSysctls sysctls,
      long totalRamKb,
      long totalSwapKb,
      ThpMode thp,
      boolean readImpliesExec) {
    this(
        layout,
        asBytes,
        dataBytes,
        stackBytes,
        memlockBytes,
        capabilities,
        sysctls,
        totalRamKb,
        totalSwapKb,
        thp,
        readImpliesExec,
        USER,
        USER);
  }

  /**
   * An ordinary user's process on x86-64: {@link MmLayout#x8664()}, 8 MiB of stack and of memory
   * that it may lock, no other limit, no capability, a machine of 4 GiB without swap and with the
   * kernel's defaults. Change what matters with the methods below.
   */
  public static AddressSpaceConfig defaults() {
    return new AddressSpaceConfig(
        MmLayout.x8664(),
        ResourceLimit.INFINITY,
        ResourceLimit.INFINITY,
        8L << 20,
        8L << 20,
        Set.of(),
        MmSysctls.DEFAULTS,
        4L << 20,
        0,
        ThpMode.MADVISE,
        false);
  }

  /** The same laid out otherwise. */
  public AddressSpaceConfig layout(MmLayout other) {
    return with(fields -> fields.layout = other);
  }

  /** The same with other machine-wide settings. */
  public AddressSpaceConfig sysctls(MmSysctls settings) {
    return with(fields -> fields.sysctls = settings);
  }

  /** The same with another limit on the whole address space. */
  public AddressSpaceConfig asBytes(long softBytes) {
    return with(fields -> fields.asBytes = softBytes);
  }

  /** The same on a machine with this much memory. */
  public AddressSpaceConfig totalRamKb(long kb) {
    return with(fields -> fields.totalRamKb = kb);
  }

  /** The same with other capabilities. */
  public AddressSpaceConfig capabilities(Set<Capability> allowed) {
    return with(fields -> fields.capabilities = allowed);
  }

  /** The same with another huge page setting. */
  public AddressSpaceConfig thp(ThpMode mode) {
    return with(fields -> fields.thp = mode);
  }

  /** The same of another user and group. */
  public AddressSpaceConfig owner(long user, long group) {
    return with(
        fields -> {
          fields.uid = user;
          fields.gid = group;
        });
  }

  private AddressSpaceConfig with(Consumer<Fields> change) {
    Fields fields = new Fields(this);
    change.accept(fields);
    return fields.build();
  }

  /** What a copy is made of. */
  private static final class Fields {
    private final AddressSpaceConfig of;
    private MmLayout layout;
    private long asBytes;
    private Set<Capability> capabilities;
    private MmSysctls sysctls;
    private long totalRamKb;
    private ThpMode thp;
    private long uid;
    private long gid;

    Fields(AddressSpaceConfig of) {
      this.of = of;
      layout = of.layout;
      asBytes = of.asBytes;
      capabilities = of.capabilities;
      sysctls = of.sysctls;
      totalRamKb = of.totalRamKb;
      thp = of.thp;
      uid = of.uid;
      gid = of.gid;
    }

    AddressSpaceConfig build() {
      return new AddressSpaceConfig(
          layout,
          asBytes,
          of.dataBytes,
          of.stackBytes,
          of.memlockBytes,
          capabilities,
          sysctls,
          totalRamKb,
          of.totalSwapKb,
          thp,
          of.readImpliesExec,
          uid,
          gid);
    }
  }
}
