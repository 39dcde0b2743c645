// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.ProcessFloorProvider.Floors;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.testkit.Fault;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;

/** Tasks with one defect each, above the right ones. */
public final class TaskFaults {
  private TaskFaults() {}

  private static Fault<ProcessFloorProvider> fault(
      String name, String what, BiFunction<Floors, Tasks, Tasks> wrap, String... rules) {
    return new Fault<>(name, what, List.of(rules), new WrongTasksProvider(name, wrap));
  }

  /** All of them. */
  public static List<Fault<ProcessFloorProvider>> all() {
    return List.of(
        fault(
            "holds-what-it-shares",
            "clone with CLONE_VM takes a user more than the child.",
            (floors, right) -> new HoldsShared(right),
            "TK-01"),
        fault(
            "keeps-the-directory",
            "What a task with an address space leaves has a reference that nobody gives up.",
            (floors, right) -> new KeepsDirectory(right),
            "TK-02",
            "TK-03",
            "TK-08"),
        fault(
            "loses-a-kernel-entry",
            "The page directory of a child of fork lacks an entry of the kernel's.",
            LosesKernelEntry::new,
            "TK-04"),
        fault(
            "loads-nothing",
            "A switch loads no page directory once one is loaded.",
            LoadsNothing::new,
            "TK-05",
            "TK-16"),
        fault(
            "loads-for-kernel-threads",
            "A task without an address space gets the kernel's page directory.",
            LoadsForKernel::new,
            "TK-05"),
        fault(
            "copies-what-is-shared",
            "CLONE_VM is not looked at.",
            (floors, right) -> new OtherFlags(right, ~Tasks.CLONE_VM, 0),
            "TK-06"),
        fault(
            "shares-what-is-copied",
            "Every child has CLONE_VM.",
            (floors, right) -> new OtherFlags(right, -1, Tasks.CLONE_VM),
            "TK-06",
            "TK-01"),
        fault(
            "vfork-goes-on",
            "The parent of a vfork does not wait.",
            (floors, right) -> new OtherFlags(right, ~Tasks.CLONE_VFORK, 0),
            "TK-07",
            "TK-14"),
        fault(
            "completes-flags",
            "Flags that others need are added.",
            (floors, right) -> new CompletesFlags(right),
            "TK-11"),
        fault(
            "bss-of-the-file",
            "The rest of the last page of data has a byte of the file.",
            (floors, right) -> new LeavesBss(right),
            "TK-09"),
        fault(
            "ends-no-thread",
            "exec of a thread changes that thread alone.",
            (floors, right) -> new ExecsNothing(right),
            "TK-09"),
        fault(
            "loses-an-argument",
            "The last argument does not reach the stack.",
            (floors, right) -> new LosesArgument(right),
            "TK-10"),
        fault(
            "no-siblings",
            "CLONE_PARENT is not looked at.",
            (floors, right) -> new NoSiblings(right),
            "TK-13"),
        fault(
            "hides-the-error",
            "exec that fails says that it is not allowed.",
            (floors, right) ->
                new DelegatingTasks(right) {
                  @Override
                  public long exec(Task task, ExecRequest request) {
                    return right.exec(task, request) < 0 ? -Errno.EPERM : 0;
                  }
                },
            "TK-27"),
        fault(
            "aligns-to-pages",
            "Programs and interpreters lie on borders of pages, whatever they ask for.",
            (floors, right) -> new AlignsToPages(right),
            "TK-09",
            "TK-25"),
        fault(
            "cuts-arguments",
            "Of arguments that are too long a part is taken.",
            (floors, right) -> new CutsArguments(right),
            "TK-10"),
        fault(
            "counts-init-mm-again",
            "init_mm has one reference more.",
            (floors, right) ->
                new DelegatingTasks(right) {
                  @Override
                  public int initMmCount() {
                    return right.initMmCount() + 1;
                  }
                },
            "TK-12"),
        fault(
            "buries-at-once",
            "Nobody is a zombie.",
            (floors, right) -> new BuriesAtOnce(right),
            "TK-13",
            "TK-07"),
        fault(
            "runs-anything",
            "A task that cannot run is passed over in silence.",
            (floors, right) -> new RunsAnything(right),
            "TK-14"),
        fault(
            "remembers-translations",
            "What an address led to is remembered over switches and faults.",
            (floors, right) -> new Remembers(right),
            "TK-15",
            "TK-26",
            "TK-16"),
        fault(
            "finds-fault",
            "validate() takes two CPUs without an address space for a contradiction.",
            (floors, right) -> new FindsFault(right, floors),
            "TK-17"),
        fault(
            "adopts-twice",
            "An address space that a task has is adopted once more, as a thread.",
            (floors, right) -> new MeetingFaults.AdoptsTwice(right),
            "TK-18"),
        fault(
            "exits-alone",
            "exit_group ends the task that calls it and no other.",
            (floors, right) -> new MeetingFaults.ExitsAlone(right),
            "TK-19"),
        fault(
            "keeps-its-name",
            "A program has the name that its task had before.",
            (floors, right) -> new MeetingFaults.KeepsName(right),
            "TK-20"),
        fault(
            "uses-as-user",
            "A kernel thread that uses an address space is a user of it.",
            (floors, right) -> new MeetingFaults.UsesAsUser(right),
            "TK-21"),
        fault(
            "puts-what-nobody-got",
            "To give up what was not taken is passed over in silence.",
            (floors, right) -> new MeetingFaults.PutsAnything(right),
            "TK-22"),
        fault(
            "writes-to-the-shared",
            "A write goes where a read would lead.",
            (floors, right) -> new MeetingFaults.WritesAsRead(right),
            "TK-23"),
        fault(
            "forgets-settings",
            "A program begins as if prctl had set nothing.",
            (floors, right) -> new MeetingFaults.ForgetsSettings(right),
            "TK-24"));
  }

  private static class HoldsShared extends DelegatingTasks {
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

  private static class KeepsDirectory extends DelegatingTasks {
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

  private static class LosesKernelEntry extends DelegatingTasks {
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

  private static class LoadsNothing extends DelegatingTasks {
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

  private static class LoadsForKernel extends DelegatingTasks {
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

  private static class OtherFlags extends DelegatingTasks {
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

  private static class CompletesFlags extends DelegatingTasks {
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

  private static class LeavesBss extends DelegatingTasks {
    LeavesBss(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      long error = right.exec(task, request);
      AddressSpace mm = task.mm();
      if (error == 0 && mm != null) {
        long end = mm.fields().places().endData();
        var _ = mm.write(end, request.program().file().file().content() == null ? 1 : 0xa5);
      }
      return error;
    }
  }

  private static class ExecsNothing extends DelegatingTasks {
    ExecsNothing(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      return task.pid() == task.tgid() ? right.exec(task, request) : 0;
    }
  }

  private static class LosesArgument extends DelegatingTasks {
    LosesArgument(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      List<String> fewer = r.arguments().subList(0, r.arguments().size() - 1);
      return right.exec(
          task,
          new ExecRequest(
              r.path(),
              r.program(),
              r.interpreter(),
              r.abi(),
              fewer,
              r.environment(),
              r.auxiliary()));
    }
  }

  private static class NoSiblings extends DelegatingTasks {
    NoSiblings(Tasks right) {
      super(right);
    }

    @Override
    public long clone(Task parent, long flags) {
      return right.clone(parent, flags & ~Tasks.CLONE_PARENT);
    }
  }

  private static class AlignsToPages extends DelegatingTasks {
    AlignsToPages(Tasks right) {
      super(right);
    }

    private static ExecRequest.Program aligned(ExecRequest.Program program) {
      ElfImage image = program.image();
      List<ElfImage.Segment> segments =
          image.segments().stream()
              .map(
                  s ->
                      new ElfImage.Segment(
                          s.type(),
                          s.flags(),
                          s.offset(),
                          s.vaddr(),
                          s.fileBytes(),
                          s.memoryBytes(),
                          4096))
              .toList();
      return new ExecRequest.Program(
          program.file(),
          new ElfImage(
              image.is64(),
              image.type(),
              image.entry(),
              image.headerOffset(),
              segments,
              image.interpreter(),
              image.stack()));
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      return right.exec(
          task,
          new ExecRequest(
              r.path(),
              aligned(r.program()),
              r.interpreter(),
              r.abi(),
              r.arguments(),
              r.environment(),
              r.auxiliary()));
    }
  }

  private static class CutsArguments extends DelegatingTasks {
    CutsArguments(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      long error = right.exec(task, r);
      if (error != -Errno.E2BIG) {
        return error;
      }
      return right.exec(
          task,
          new ExecRequest(
              r.path(),
              r.program(),
              r.interpreter(),
              r.abi(),
              List.of("cut"),
              r.environment(),
              r.auxiliary()));
    }
  }

  private static class BuriesAtOnce extends DelegatingTasks {
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

  private static class RunsAnything extends DelegatingTasks {
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

  private static class Remembers extends DelegatingTasks {
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

  private static class FindsFault extends DelegatingTasks {
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
}
