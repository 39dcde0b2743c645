// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.ProcessFloorProvider.Floors;
import io.mm4j.api.process.Tasks;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.task.faults.CloneFaults.CompletesFlags;
import io.mm4j.testkit.task.faults.CloneFaults.HoldsShared;
import io.mm4j.testkit.task.faults.CloneFaults.LeavesStale;
import io.mm4j.testkit.task.faults.CloneFaults.LosesKernelEntry;
import io.mm4j.testkit.task.faults.CloneFaults.NoSiblings;
import io.mm4j.testkit.task.faults.CloneFaults.OtherFlags;
import io.mm4j.testkit.task.faults.CloneFaults.TriesAgainLater;
import io.mm4j.testkit.task.faults.ExecFaults.AlignsToPages;
import io.mm4j.testkit.task.faults.ExecFaults.CutsArguments;
import io.mm4j.testkit.task.faults.ExecFaults.ExecsNothing;
import io.mm4j.testkit.task.faults.ExecFaults.ForgetsSettings;
import io.mm4j.testkit.task.faults.ExecFaults.HidesTheError;
import io.mm4j.testkit.task.faults.ExecFaults.KeepsName;
import io.mm4j.testkit.task.faults.ExecFaults.LeavesBss;
import io.mm4j.testkit.task.faults.ExecFaults.LosesArgument;
import io.mm4j.testkit.task.faults.ExitFaults.BuriesAtOnce;
import io.mm4j.testkit.task.faults.ExitFaults.ExitsAlone;
import io.mm4j.testkit.task.faults.ExitFaults.KeepsDirectory;
import io.mm4j.testkit.task.faults.MeetingFaults.AdoptsTwice;
import io.mm4j.testkit.task.faults.MeetingFaults.PutsAnything;
import io.mm4j.testkit.task.faults.MeetingFaults.UsesAsUser;
import io.mm4j.testkit.task.faults.SwitchFaults.FindsFault;
import io.mm4j.testkit.task.faults.SwitchFaults.LoadsForKernel;
import io.mm4j.testkit.task.faults.SwitchFaults.LoadsNothing;
import io.mm4j.testkit.task.faults.SwitchFaults.Remembers;
import io.mm4j.testkit.task.faults.SwitchFaults.RunsAnything;
import io.mm4j.testkit.task.faults.SwitchFaults.WritesAsRead;
import java.util.List;
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
        new Fault<>(
            "tells-the-counter-before",
            "A watcher is told what a counter of resident pages was.",
            List.of("TK-35"),
            new WrongWatchProvider("tells-the-counter-before", WrongWatchProvider::late)),
        new Fault<>(
            "tells-another-place",
            "A watcher is told that the lowest address was found.",
            List.of("TK-36"),
            new WrongWatchProvider("tells-another-place", WrongWatchProvider::elsewhere)),
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
            (floors, right) -> new HidesTheError(right),
            "TK-27",
            "TK-34",
            "TK-32"),
        fault(
            "tries-again-later",
            "A fork for which there is no memory says EAGAIN.",
            (floors, right) -> new TriesAgainLater(right),
            "TK-33"),
        fault(
            "leaves-writable-translations",
            "What a fork has write-protected before it failed is not flushed.",
            (floors, right) -> new LeavesStale(floors, right),
            "TK-33"),
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
            "TK-10",
            "TK-28"),
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
            (floors, right) -> new AdoptsTwice(right),
            "TK-18"),
        fault(
            "exits-alone",
            "exit_group ends the task that calls it and no other.",
            (floors, right) -> new ExitsAlone(right),
            "TK-19"),
        fault(
            "keeps-its-name",
            "A program has the name that its task had before.",
            (floors, right) -> new KeepsName(right),
            "TK-20"),
        fault(
            "uses-as-user",
            "A kernel thread that uses an address space is a user of it.",
            (floors, right) -> new UsesAsUser(right),
            "TK-21"),
        fault(
            "puts-what-nobody-got",
            "To give up what was not taken is passed over in silence.",
            (floors, right) -> new PutsAnything(right),
            "TK-22"),
        fault(
            "writes-to-the-shared",
            "A write goes where a read would lead.",
            (floors, right) -> new WritesAsRead(right),
            "TK-23"),
        fault(
            "forgets-settings",
            "A program begins as if prctl had set nothing.",
            (floors, right) -> new ForgetsSettings(right),
            "TK-24"));
  }
}
