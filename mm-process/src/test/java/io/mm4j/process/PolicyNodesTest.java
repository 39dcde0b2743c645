// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import org.junit.jupiter.api.Test;

/**
 * MPOL_F_NUMA_BALANCING keeps the nodes that were asked for, as the flags about nodes do: two
 * policies that asked for others differ, and get_mempolicy tells them (as on Linux 6.18.44).
 */
class PolicyNodesTest {
  private static final long AT = 0x10000000L;
  private static final int PAGE = 4096;
  private static final int BALANCED = Uapi.MPOL_BIND | Uapi.MPOL_F_NUMA_BALANCING;

  private final Rig rig = new Rig();

  private void bind(long addr, long bytes, int mode, long nodes) {
    assertEquals(0, rig.mm.syscall(Syscall.MBIND, addr, bytes, mode, nodes, 64, 0));
  }

  private int pieces(int mode) {
    rig.map(AT, 8, Rig.RW);
    int before = rig.mm.fields().mapCount();
    bind(AT, 8 * PAGE, mode, 7); // of which the machine has the first
    bind(AT + PAGE, PAGE, mode, 1);
    return rig.mm.fields().mapCount() - before + 1;
  }

  @Test
  void policiesThatAskedForOtherNodesDiffer() {
    assertEquals(3, pieces(BALANCED));
    assertEquals(1, pieces(Uapi.MPOL_BIND));
    rig.close();
  }

  @Test
  void whatWasAskedForIsTold() {
    rig.map(AT, 1, Rig.RW);
    for (int[] each : new int[][] {{BALANCED, 7}, {Uapi.MPOL_BIND, 1}}) {
      assertEquals(0, rig.mm.syscall(Syscall.SET_MEMPOLICY, each[0], 7, 64));
      assertEquals(0, rig.mm.syscall(Syscall.GET_MEMPOLICY, AT, AT + 8, 64, 0, 0));
      assertEquals(each[1], rig.mm.read(AT + 8).value());
    }
    rig.close();
  }
}
