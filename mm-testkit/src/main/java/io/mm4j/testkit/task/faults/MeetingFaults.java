// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.MisuseException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;

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
}
