// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloorProvider.Floors;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import java.util.Objects;

/** Defects of who begins: clone and its flags. */
final class CloneFaults {
  private CloneFaults() {}

  static final class HoldsShared extends DelegatingTasks {
    HoldsShared(Tasks right) {
      super(right);
    }

    @Override
    public long clone(Task parent, long flags) {
      long pid = right.clone(parent, flags);
      AddressSpace mm = parent.mm();
      if (pid > 0 && (flags & Tasks.CLONE_VM) != 0 && mm != null && !parent.isKernelThread()) {
        right.get(mm);
      }
      return pid;
    }
  }

  static final class LosesKernelEntry extends DelegatingTasks {
    private final Floors floors;

    LosesKernelEntry(Floors floors, Tasks right) {
      super(right);
      this.floors = floors;
    }

    @Override
    public long clone(Task parent, long flags) {
      long pid = right.clone(parent, flags);
      Task child = pid < 0 ? null : right.find((int) pid);
      AddressSpace mm = child == null ? null : child.mm();
      PageTables tables = Objects.requireNonNull(floors.pageTables());
      PageTableFormat format = tables.format();
      if (mm != null && !mm.equals(parent.mm())) {
        // The direct map's entry, with one bit more; it is there on every machine.
        int bytes = format.shape().entryBytes();
        int index = format.index(format.levels(), format.kernel().directMap());
        long at = mm.fields().pgd() + (long) index * bytes;
        long wrong = 1L << 9;
        if (bytes == 8) {
          floors.memory().putLong(at, floors.memory().getLong(at) ^ wrong);
        } else {
          floors.memory().putInt(at, floors.memory().getInt(at) ^ (int) wrong);
        }
      }
      return pid;
    }
  }

  static final class OtherFlags extends DelegatingTasks {
    private final long mask;
    private final long more;

    OtherFlags(Tasks right, long mask, long more) {
      super(right);
      this.mask = mask;
      this.more = more;
    }

    @Override
    public long clone(Task parent, long flags) {
      long given = (flags & mask) | more;
      boolean refused = (given & Tasks.CLONE_SIGHAND) != 0 && (given & Tasks.CLONE_VM) == 0;
      return right.clone(parent, refused ? flags : given);
    }
  }

  static final class CompletesFlags extends DelegatingTasks {
    CompletesFlags(Tasks right) {
      super(right);
    }

    @Override
    public long clone(Task parent, long flags) {
      long given = flags;
      given |= (given & Tasks.CLONE_THREAD) != 0 ? Tasks.CLONE_SIGHAND : 0;
      given |= (given & Tasks.CLONE_SIGHAND) != 0 ? Tasks.CLONE_VM : 0;
      return right.clone(parent, given);
    }
  }

  static final class NoSiblings extends DelegatingTasks {
    NoSiblings(Tasks right) {
      super(right);
    }

    @Override
    public long clone(Task parent, long flags) {
      return right.clone(parent, flags & ~Tasks.CLONE_PARENT);
    }
  }

  /** What a fork has write-protected before it failed, is flushed on no CPU. */
  static final class LeavesStale extends DelegatingTasks {
    private final PageTables tables;

    LeavesStale(Floors floors, Tasks right) {
      super(right);
      tables = Objects.requireNonNull(floors.pageTables());
    }

    @Override
    public long clone(Task parent, long flags) {
      long pid = right.clone(parent, flags);
      AddressSpace mm = parent.mm();
      if (pid == -Errno.ENOMEM && mm != null) {
        TableCursor cursor = tables.cursor();
        PageTableFormat format = tables.format();
        cursor.over(mm.fields().pgd() >>> 12, 0, mm.layout().taskSize());
        while (cursor.next()) {
          if (format.isLeaf(cursor.level(), cursor.entry())) {
            cursor.set(format.bits().wrprotect(cursor.entry()));
          }
        }
      }
      return pid;
    }
  }

  static final class TriesAgainLater extends DelegatingTasks {
    TriesAgainLater(Tasks right) {
      super(right);
    }

    @Override
    public long clone(Task parent, long flags) {
      long pid = right.clone(parent, flags);
      return pid == -Errno.ENOMEM ? -Errno.EAGAIN : pid;
    }
  }
}
