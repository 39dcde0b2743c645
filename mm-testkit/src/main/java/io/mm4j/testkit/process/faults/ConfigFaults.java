// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.testkit.process.naive.Bits;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Floors that take one setting of their processes for another. */
final class ConfigFaults {
  private ThpMode thp;
  private Set<Capability> capabilities;
  private int overcommit;
  private int maxMapCount;
  private long overcommitKbytes;
  private long guardPages;
  private long asBytes;
  private boolean topDown;
  private boolean compat32;
  private boolean readImpliesExec;
  private long endData;
  private final AddressSpaceConfig right;

  private ConfigFaults(AddressSpaceConfig c) {
    right = c;
    thp = c.thp();
    capabilities = c.capabilities();
    overcommit = c.sysctls().overcommitMemory();
    maxMapCount = c.sysctls().maxMapCount();
    overcommitKbytes = c.sysctls().overcommitKbytes();
    guardPages = c.sysctls().stackGuardGapPages();
    asBytes = c.asBytes();
    topDown = c.layout().topDown();
    compat32 = c.layout().compat32();
    readImpliesExec = c.readImpliesExec();
    endData = c.layout().endData();
  }

  private interface Change {
    void change(ConfigFaults config);
  }

  private static UnaryOperator<ProcessFloor> floor(Change change) {
    return right ->
        FloorFaults.reconfigured(
            right,
            c -> {
              ConfigFaults config = new ConfigFaults(c);
              change.change(config);
              return config.build();
            });
  }

  static UnaryOperator<ProcessFloor> hugeIfPossible() {
    return floor(c -> c.thp = ThpMode.ALWAYS);
  }

  static UnaryOperator<ProcessFloor> neverHuge() {
    return floor(c -> c.thp = ThpMode.NEVER);
  }

  static UnaryOperator<ProcessFloor> everybodyMay() {
    return floor(c -> c.capabilities = Set.of(Capability.IPC_LOCK, Capability.SYS_RAWIO));
  }

  static UnaryOperator<ProcessFloor> nobodyMay() {
    return floor(c -> c.capabilities = Set.of());
  }

  static UnaryOperator<ProcessFloor> promisesAll() {
    return floor(c -> c.overcommit = 1);
  }

  static UnaryOperator<ProcessFloor> oneVmaMore() {
    return floor(c -> c.maxMapCount++);
  }

  static UnaryOperator<ProcessFloor> guesses() {
    return floor(c -> c.overcommit = 0);
  }

  static UnaryOperator<ProcessFloor> withoutGap() {
    return floor(c -> c.guardPages = 0);
  }

  static UnaryOperator<ProcessFloor> onePageMore() {
    return floor(c -> c.asBytes += c.asBytes == ResourceLimit.INFINITY ? 0 : Bits.PAGE);
  }

  static UnaryOperator<ProcessFloor> otherWayRound() {
    return floor(c -> c.topDown = !c.topDown);
  }

  static UnaryOperator<ProcessFloor> otherWidth() {
    return floor(c -> c.compat32 = !c.compat32);
  }

  static UnaryOperator<ProcessFloor> keepsExecApart() {
    return floor(c -> c.readImpliesExec = false);
  }

  static UnaryOperator<ProcessFloor> withoutDataSegment() {
    return floor(c -> c.endData = c.right.layout().startData());
  }

  static UnaryOperator<ProcessFloor> withoutOvercommitKbytes() {
    return floor(c -> c.overcommitKbytes = 0);
  }

  private AddressSpaceConfig build() {
    MmLayout l = right.layout();
    MmSysctls s = right.sysctls();
    return new AddressSpaceConfig(
        new MmLayout(
            l.taskSize(),
            l.mmapBase(),
            topDown,
            compat32,
            l.startCode(),
            l.endCode(),
            l.startData(),
            endData,
            l.startBrk(),
            l.brk(),
            l.startStack(),
            l.argStart(),
            l.argEnd(),
            l.envStart(),
            l.envEnd()),
        asBytes,
        right.dataBytes(),
        right.stackBytes(),
        right.memlockBytes(),
        capabilities,
        new MmSysctls(
            overcommit,
            s.overcommitRatio(),
            maxMapCount,
            s.mmapMinAddr(),
            s.lsmMmapMinAddr(),
            guardPages,
            s.legacyVaLayout(),
            overcommitKbytes),
        right.totalRamKb(),
        right.totalSwapKb(),
        thp,
        readImpliesExec,
        right.uid(),
        right.gid());
  }
}
