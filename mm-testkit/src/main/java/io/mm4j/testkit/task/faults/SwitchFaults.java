// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloorProvider.Floors;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** Defects of what a CPU runs: the directory that is loaded, and where addresses lead. */
final class SwitchFaults {
  private SwitchFaults() {}

  static final class LoadsNothing extends DelegatingTasks {
    private final PageTables tables;

    LoadsNothing(Floors floors, Tasks right) {
      super(right);
      tables = Objects.requireNonNull(floors.pageTables());
    }

    @Override
    public void switchTo(Cpu cpu, Task next) {
      long before = tables.mmu(cpu).root();
      right.switchTo(cpu, next);
      AddressSpace mm = next.mm();
      if (mm != null && before != PageTables.NO_ROOT) {
        try {
          tables.mmu(cpu).switchTo(before);
        } catch (RuntimeException e) {
          return; // it has gone with this switch
        }
      }
    }
  }

  static final class LoadsForKernel extends DelegatingTasks {
    private final PageTables tables;

    LoadsForKernel(Floors floors, Tasks right) {
      super(right);
      tables = Objects.requireNonNull(floors.pageTables());
    }

    @Override
    public void switchTo(Cpu cpu, Task next) {
      right.switchTo(cpu, next);
      if (next.mm() == null) {
        tables.mmu(cpu).switchTo(tables.kernelRoot(cpu));
      }
    }
  }

  static final class RunsAnything extends DelegatingTasks {
    RunsAnything(Tasks right) {
      super(right);
    }

    @Override
    public void switchTo(Cpu cpu, Task next) {
      boolean can =
          next.state() == Task.State.RUNNING
              && (next.cpu() < 0 || next.cpu() == cpu.id())
              && (next.pid() != 0 || next.equals(right.idle(cpu)));
      if (can) {
        right.switchTo(cpu, next);
      }
    }
  }

  static final class Remembers extends DelegatingTasks {
    private final Map<Long, Long> known = new HashMap<>();

    Remembers(Tasks right) {
      super(right);
    }

    @Override
    public long access(Cpu cpu, long uaddr, int kind) {
      Long before = known.get(uaddr);
      if (before != null) {
        return before;
      }
      long now = right.access(cpu, uaddr, kind);
      known.put(uaddr, now);
      return now;
    }
  }

  static final class FindsFault extends DelegatingTasks {
    private final Floors floors;

    FindsFault(Tasks right, Floors floors) {
      super(right);
      this.floors = floors;
    }

    @Override
    public void validate() {
      right.validate();
      int without = 0;
      for (int i = 1; i < floors.cpus().count(); i++) {
        Cpu cpu = floors.cpus().get(i);
        without += right.current(cpu).mm() == null && right.current(cpu).pid() != 0 ? 1 : 0;
      }
      CorruptStateError.check(without < 2, "two CPUs run kernel threads: " + without);
    }
  }

  static final class WritesAsRead extends DelegatingTasks {
    WritesAsRead(Tasks right) {
      super(right);
    }

    @Override
    public long access(Cpu cpu, long uaddr, int kind) {
      long found = right.access(cpu, uaddr, 0);
      return found < 0 ? right.access(cpu, uaddr, kind) : found;
    }
  }
}
