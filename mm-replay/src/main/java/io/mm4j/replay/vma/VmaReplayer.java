// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.replay.CallWatcher;
import io.mm4j.replay.RunningProcess;
import io.mm4j.replay.Tally;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Replays one recording: builds the start state, makes every call with what its caller passed, and
 * compares what the simulated kernel does with what the real one did. The recorded answers go only
 * into the comparison; after a difference the replay goes on from the simulated state.
 *
 * <p>Steps: {@link #VmaReplayer start state}, then {@link #run} event by event: a call ({@link
 * CallDriver} makes it, {@link AnswerJudge} judges the answer, then {@link MapsJudge} the change of
 * maps), a maps block, a state block ({@link StateJudge}).
 */
final class VmaReplayer {
  static final String NEEDS_FAULTS = "needs page faults";

  private static final long LIMIT_STRUCT = 0x406f00;
  private static final long LIMIT_STRUCT_32 = 0x804ef00;

  private final VmaSource reader;
  private final Machine machine;
  private final Tally tally;
  private final FileTable files;
  private final CallDriver driver;
  private final MapsJudge maps;
  private final AnswerJudge answers;
  private final StateJudge states;
  private final StartState begins;
  private final PrintedJudge printed;
  private final Map<Integer, ReplayedProcess> processes = new HashMap<>();
  private final long explainedCall;
  private final List<String> reasons = new ArrayList<>();
  private @Nullable CallWatcher watcher;
  private final RecordedBytes bytes;
  private long call;

  /** What the call that is being made gave here, for a watcher. */
  private String ours = "";

  /**
   * Builds the start state.
   *
   * @param explainedCall the call whose reasons are collected, 0 for none
   */
  VmaReplayer(VmaSource reader, Machine machine, Tally tally, long explainedCall) {
    this(reader, machine, machine.processes(), tally, explainedCall);
  }

  /** The same on another process floor of the machine than its own. */
  VmaReplayer(
      VmaSource reader, Machine machine, ProcessFloor floor, Tally tally, long explainedCall) {
    this.reader = reader;
    this.machine = machine;
    this.tally = tally;
    this.explainedCall = explainedCall;
    VmaHeader header = reader.header();
    files = new FileTable(header);
    bytes = new RecordedBytes(files, tally);
    // Nobody knows where a program that is not the recorder's keeps its arguments and its loop.
    boolean foreign = header.real() || header.traced();
    driver =
        new CallDriver(
            floor,
            files,
            foreign ? 0 : header.compat32() ? LIMIT_STRUCT_32 : LIMIT_STRUCT,
            foreign ? 0 : header.layout().startCode());
    maps = new MapsJudge(tally, header.real());
    answers = new AnswerJudge(tally, driver, bytes, maps);
    states = new StateJudge(tally, header.real());
    begins = new StartState(header, files, floor);
    printed = new PrintedJudge(tally, reader.knowsPaths(), reader.knowsVmaNames());
    AddressSpace mm = begins.first(reader.start().lines());
    ReplayedProcess first =
        new ReplayedProcess(
            mm, files, reader.program(), -1, reader.startIsWhole() ? null : new TreeMap<>());
    first.setTheirs(reader.start().lines().stream().map(StateLine::maps).toList());
    processes.put(0, first);
    bytes.began(first);
    skipWhatIsMissing(mm);
  }

  private void skipWhatIsMissing(AddressSpace mm) {
    boolean[] has = new boolean[2];
    mm.forEachVma(
        vma -> {
          has[0] |= !vma.pages().isEmpty() && !vma.pages().equals("?");
          has[1] |= !vma.flags().isEmpty();
        });
    if (!has[0]) {
      for (String check :
          List.of(
              VmaChecks.VALUES,
              VmaChecks.MINCORE,
              VmaChecks.SCANS,
              VmaChecks.RSS,
              VmaChecks.ANON,
              VmaChecks.LOCKED,
              VmaChecks.AHP,
              VmaChecks.PAGES)) {
        tally.skip(check, NEEDS_FAULTS);
      }
    }
    if (!has[1]) {
      tally.skip(VmaChecks.FLAGS, NEEDS_FAULTS);
    }
  }

  /** Shows somebody the calls that they want to see. */
  VmaReplayer watchedBy(CallWatcher somebody) {
    watcher = somebody;
    return this;
  }

  /** Replays to the end, or until the call to be explained was made. */
  void run() {
    runUntil(Long.MAX_VALUE, false);
  }

  /**
   * As {@link #run}, but stops before the call of that number; at the end, before the last process
   * goes.
   *
   * @return the number of the call that would be next
   */
  long runUntil(long before) {
    return runUntil(before, before == Long.MAX_VALUE);
  }

  private long runUntil(long before, boolean keepLast) {
    for (VmaEvent event = reader.next(); event != null; event = reader.next()) {
      switch (event) {
        case VmaEvent.Call made -> {
          if (made.number() >= before) {
            return before;
          }
          if (keepLast && made.name() == CallName.EXIT && processes.size() == 1) {
            maps.faults();
            return call + 1;
          }
          call(made);
          if (made.number() == explainedCall) {
            return call + 1;
          }
        }
        case VmaEvent.Maps read -> snapshot(read.line(), read.process(), read.when(), read.lines());
        case VmaEvent.State state -> {
          List<MapsLine> lines = state.lines().stream().map(StateLine::maps).toList();
          snapshot(state.line(), state.process(), "state " + state.when(), lines);
          states.judge(state, process(state.process()), call);
        }
        case VmaEvent.Forked forked ->
            adopt(forked.child(), process(forked.process()).mm().fork(), forked.process());
        case VmaEvent.Gone gone -> {
          maps.faults();
          if (keepLast && processes.size() == 1) {
            return call + 1;
          }
          process(gone.process()).mm().exit();
          processes.remove(gone.process());
        }
        case VmaEvent.Began began -> begin(began);
        case VmaEvent.Printed shown -> {
          maps.faults();
          printed.judge(shown, process(shown.process()), call);
        }
        case VmaEvent.Deltas switched -> maps.deltas(switched.on());
        case VmaEvent.FileSeen seen -> files.add(seen.file());
        case VmaEvent.OpenSeen seen -> {
          int fd = files.add(seen.open());
          OpenFile open = files.opens().get(fd);
          processes.values().forEach(process -> process.mm().installFd(fd, open));
        }
      }
    }
    maps.faults();
    return call + 1;
  }

  /** The processes that have not ended, in the order of their numbers. */
  List<RunningProcess> living() {
    List<RunningProcess> living = new ArrayList<>();
    new TreeMap<>(processes).forEach((number, process) -> living.add(running(number, process)));
    return living;
  }

  private RunningProcess running(int number, ReplayedProcess process) {
    VmaHeader header = reader.header();
    AddressSpace mm = process.mm();
    return new RunningProcess(
        number + 1,
        processes.containsKey(process.parent()) ? process.parent() + 1 : 0,
        process.program().path(),
        process.program().arguments(),
        mm,
        machine,
        mm.layout().compat32(),
        header.swapKb(),
        files.descriptors(),
        files::pathOf);
  }

  /** The reasons that the engine gave for the explained call. */
  List<String> reasons() {
    return reasons;
  }

  private ReplayedProcess process(int number) {
    ReplayedProcess process = processes.get(number);
    if (process == null) {
      throw new IllegalStateException("no process p" + number);
    }
    return process;
  }

  private void call(VmaEvent.Call made) {
    call = made.number();
    ReplayedProcess process = process(made.process());
    maps.comes(made, process);
    if (made.name().isOfProgram()) {
      driver.arrive(process.mm());
    }
    if (made.number() == explainedCall) {
      process.mm().explainTo((topic, reason) -> reasons.add(topic + ": " + reason));
    }
    CallWatcher watching = watcher;
    if (watching != null && watching.wants(made.number())) {
      watched(watching, made, process);
    } else {
      make(made, process);
    }
  }

  private void watched(CallWatcher watching, VmaEvent.Call made, ReplayedProcess process) {
    String theirs = made.answer().toString();
    ours = theirs;
    watching.before(made.number(), made.text(), running(made.process(), process));
    make(made, process);
    watching.after(theirs, ours, made.name() == CallName.EXIT);
  }

  private void make(VmaEvent.Call made, ReplayedProcess process) {
    switch (made.name()) {
      case FORK -> fork(made, process);
      case EXIT -> {
        process.mm().exit();
        processes.remove(made.process());
        tally.equal(VmaChecks.RESULTS);
        return;
      }
      case OTHER -> {}
      default -> {
        if (made.name() == CallName.FAULT) {
          maps.beforeFault(process);
        }
        long breakBefore = made.name() == CallName.BRK ? process.mm().fields().brk() : 0;
        Answer answer = driver.make(process.mm(), made);
        ours = answer.toString();
        judgeAnswer(made, process, answer, breakBefore);
        return;
      }
    }
    maps.judge(made, process, 0, -1);
  }

  private void fork(VmaEvent.Call made, ReplayedProcess process) {
    boolean follow =
        !(made.answer() instanceof Answer.Child child)
            || child.process() != Answer.Child.UNFOLLOWED;
    if (!follow) {
      process.mm().forkUnrecorded();
      tally.equal(VmaChecks.RESULTS);
      return;
    }
    AddressSpace child = process.mm().fork();
    boolean worked = made.answer() instanceof Answer.Child;
    ours = child == null ? "-ENOMEM" : made.answer().toString();
    if (worked == (child != null)) {
      tally.equal(VmaChecks.RESULTS);
    } else {
      answers.differs(
          VmaChecks.RESULTS, made, process, child == null ? "-ENOMEM" : "a child", null, 0, 0);
    }
    if (made.answer() instanceof Answer.Child born) {
      adopt(born.process(), child, made.process());
    } else if (child != null) {
      child.exit();
    }
  }

  /** Another program takes the place of a process's, or begins beside it. */
  private void begin(VmaEvent.Began began) {
    maps.faults();
    ReplayedProcess from = processes.get(began.from());
    AddressSpace mm = begins.later(began, from == null ? null : from.mm());
    int parent = began.from();
    if (from != null && began.from() == began.process()) {
      parent = from.parent();
      from.mm().exit();
    }
    processes.put(
        began.process(), new ReplayedProcess(mm, files, began.program(), parent, new TreeMap<>()));
  }

  private void adopt(int number, @Nullable AddressSpace child, int parent) {
    ReplayedProcess born = process(parent);
    // A child that only the kernel has is replayed on its parent's maps: there is none to judge.
    AddressSpace mm = child == null ? born.mm() : child;
    NavigableMap<Long, Long> known = born.known();
    ReplayedProcess forked =
        new ReplayedProcess(
            mm, files, born.program(), parent, known == null ? null : new TreeMap<>(known));
    forked.setTheirs(List.copyOf(forked.ours().lines().values()));
    bytes.forked(born, forked);
    processes.put(number, forked);
  }

  private void snapshot(long line, int number, String when, List<MapsLine> kernel) {
    maps.whole(line, number, process(number), when, kernel, call);
  }

  private void judgeAnswer(
      VmaEvent.Call made, ReplayedProcess process, Answer ours, long breakBefore) {
    long[] ranges = Ranges.of(made, ours, breakBefore);
    long[] mapped = Ranges.mapped(made, ours, breakBefore);
    process.mapped(mapped[0], mapped[1]);
    if (made.answer() == Answer.Unknown.IT) {
      maps.judge(made, process, ranges);
      return;
    }
    answers.answer(made, process, ours, ranges);
    if (made.name() == CallName.UNLINK) { // the maps of all change with the name
      for (ReplayedProcess other : processes.values()) {
        if (other != process) {
          Collection<MapsLine> _ = other.ours().readAll();
        }
      }
    }
    bytes.made(made, process);
    answers.value(made, process, ranges);
    maps.made(made, process, ranges);
  }
}
