// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.pages.rules.Twins.Held;
import java.util.List;

/** Operations on twins about masks of nodes and the last resort. */
sealed interface StairOp extends Operation<Twins> {
  /** Allocates blocks from the nodes of a mask, one after the other, until one fails. */
  record AllocateOn(int cpu, int gfp, int order, int node, NodeMask mask, int count)
      implements StairOp {
    @Override
    public void apply(Twins s) {
      int got = 0;
      while (got < count && s.allocate(cpu, gfp, order, node, mask) != null) {
        got++;
        if (got % TwinOp.ROW == 0) {
          s.compare();
        }
      }
    }

    @Override
    public List<StairOp> simpler() {
      return count == 1
          ? List.of()
          : List.of(
              new AllocateOn(cpu, gfp, order, node, mask, 1),
              new AllocateOn(cpu, gfp, order, node, mask, count / 2));
    }

    @Override
    public String toString() {
      return String.format(
          "cpu%d: alloc_pages %s order=%d node=%d of nodes '%s', up to %d times",
          cpu, Gfp.format(gfp), order, node, mask, count);
    }
  }

  /** Hands held blocks to the last resort, which gives up so many when it is asked. */
  record Victims(int number, int count, int atOnce) implements StairOp {
    @Override
    public void apply(Twins s) {
      s.model.mayKill(atOnce);
      s.judged.mayKill(atOnce);
      for (int i = 0; i < count && !s.held.isEmpty(); i++) {
        Held block = s.take(number);
        s.model.killable.add(block);
        s.judged.killable.add(block);
      }
    }

    @Override
    public String toString() {
      return count + " blocks from held#" + number + " go if memory is out, " + atOnce + " at once";
    }
  }

  /** What runs on a CPU writes a core dump, or helps to free memory, or neither. */
  record Flags(int cpu, int flags) implements StairOp {
    @Override
    public void apply(Twins s) {
      s.both("flags", side -> side.cpu(cpu).exchangeFlags(flags));
    }

    @Override
    public String toString() {
      return "cpu" + cpu + (flags == Cpu.PF_DUMPCORE ? " writes a core dump" : ": flags=" + flags);
    }
  }
}
