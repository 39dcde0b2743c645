// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.Uapi;
import java.util.List;

/** Defects where tasks and address spaces meet otherwise than by fork. */
final class MeetingFaults {
  private MeetingFaults() {}

  static final class AdoptsTwice extends DelegatingTasks {
    AdoptsTwice(Tasks right) {
      super(right);
    }

    @Override
    public Task adopt(String comm, AddressSpace mm) {
      for (Task task : right.all()) {
        if (mm.equals(task.mm())) {
          right.get(mm);
          return task;
        }
      }
      return right.adopt(comm, mm);
    }
  }

  static final class ExitsAlone extends DelegatingTasks {
    ExitsAlone(Tasks right) {
      super(right);
    }

    @Override
    public void exitGroup(Task task) {
      right.exit(task);
    }
  }

  static final class KeepsName extends DelegatingTasks {
    KeepsName(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      List<String> arguments = r.arguments();
      return right.exec(
          task,
          new ExecRequest(
              task.comm(),
              r.program(),
              r.interpreter(),
              r.abi(),
              arguments,
              r.environment(),
              r.auxiliary()));
    }
  }

  static final class ForgetsSettings extends DelegatingTasks {
    ForgetsSettings(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      long error = right.exec(task, request);
      AddressSpace mm = task.mm();
      if (error == 0 && mm != null) {
        long _ = mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, 0);
      }
      return error;
    }
  }

  static final class UsesAsUser extends DelegatingTasks {
    UsesAsUser(Tasks right) {
      super(right);
    }

    @Override
    public void useMm(Task kthread, AddressSpace mm) {
      right.useMm(kthread, mm);
      right.get(mm);
    }

    @Override
    public void unuseMm(Task kthread) {
      AddressSpace mm = kthread.mm();
      right.unuseMm(kthread);
      if (mm != null) {
        right.put(mm);
      }
    }
  }

  static final class PutsAnything extends DelegatingTasks {
    PutsAnything(Tasks right) {
      super(right);
    }

    @Override
    public void put(AddressSpace mm) {
      try {
        right.put(mm);
      } catch (MisuseException e) {
        return; // nobody hears of it
      }
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
