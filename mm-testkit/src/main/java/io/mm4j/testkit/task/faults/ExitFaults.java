// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;

/** Defects of how tasks end, and of who waits for them. */
final class ExitFaults {
  private ExitFaults() {}

  static final class KeepsDirectory extends DelegatingTasks {
    KeepsDirectory(Tasks right) {
      super(right);
    }

    @Override
    public void exit(Task task) {
      AddressSpace mm = task.mm();
      if (mm != null) {
        right.grab(mm);
      }
      right.exit(task);
    }
  }

  static final class BuriesAtOnce extends DelegatingTasks {
    BuriesAtOnce(Tasks right) {
      super(right);
    }

    @Override
    public void exit(Task task) {
      Task parent = right.find(task.ppid());
      right.exit(task);
      if (parent != null && parent.state() == Task.State.RUNNING) {
        long _ = right.wait4(parent, task.pid());
      }
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
}
