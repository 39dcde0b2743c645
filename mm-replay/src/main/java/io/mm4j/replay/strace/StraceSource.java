// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.ProgramName;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import io.mm4j.replay.vma.VmaSource;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * strace text as a recording. A call that strace shows in two parts is made where it is completed,
 * or where {@link Overlap} puts it among others that ran at the same time. The program that the
 * initial maps belong to, its threads and its children are followed, and every program that begins
 * after it: how it was laid out is inferred from what the log shows of it ({@link InferredMaps}).
 */
public final class StraceSource implements VmaSource {
  /** In the order in which recordings number them. */
  private static final List<ResourceLimit> RESOURCES = List.of(ResourceLimit.values());

  private final StraceLines lines;
  private final LogScan scan;
  private final LogStart start;
  private final Descriptors descriptors;
  private final ArgumentReader arguments;
  private final Followed followed;
  private final PrintedMaps printed = new PrintedMaps();
  private final Unfinished unfinished = new Unfinished();
  private final Map<Long, Long> began = new HashMap<>();
  private final ArrayDeque<VmaEvent> pending = new ArrayDeque<>();
  private final CallQueue queue = new CallQueue(this::placesDownwards, pending::add);
  private final SharedSegments segments = new SharedSegments();
  private final StraceNotes notes = new StraceNotes();
  private long notFollowed;

  /**
   * Reads the initial maps, and the log twice: once for what only later lines tell (who is a child,
   * where the heap starts), then call by call.
   *
   * @param maps opens the initial maps; null if there are none, then the log has to tell
   * @param log opens the log
   */
  public StraceSource(@Nullable Supplier<LineSource> maps, Supplier<LineSource> log) {
    try (LineSource reading = log.get()) {
      scan = new LogScan(reading);
    }
    descriptors = new Descriptors(scan.showsPaths());
    start = new LogStart(scan, maps, log);
    start.notes().forEach(notes::always);
    if (scan.hidesBeginnings()) {
      notes.always(
          "no call of its threads is resumed, and none failed (strace -z): the log does not show"
              + " when calls began, so those of several threads at once are made in the order in"
              + " which they were back, and the kernel may have made them in another one; without"
              + " -z the log shows more");
    }
    arguments = new ArgumentReader(descriptors, scan.pageOffsets());
    pending.add(new VmaEvent.Deltas(0, false));
    lines = new StraceLines(log.get());
    followed = new Followed(scan, start, lines, descriptors, queue::flush, pending::add);
  }

  private boolean placesDownwards(int process) {
    return followed.space(process).topDown();
  }

  @Override
  public VmaHeader header() {
    return start.header();
  }

  @Override
  public VmaEvent.State start() {
    return start.state();
  }

  @Override
  public ProgramName program() {
    return start.program();
  }

  @Override
  public boolean startIsWhole() {
    return start.isWhole();
  }

  @Override
  public boolean knowsPaths() {
    return scan.showsPaths();
  }

  @Override
  public boolean knowsVmaNames() {
    return scan.namesVmas() && !scan.hidesVmaNames();
  }

  /** The program whose maps these surely are, if it is not the log's; else null. */
  @Nullable String another() {
    return start.another();
  }

  /** Adds what had to be taken for granted before this was opened. */
  void noteFirst(String text) {
    notes.first(text);
  }

  /** What speaks against log and maps being of one program, or null. */
  public @Nullable String doubt() {
    return start.doubt();
  }

  /** Calls that were not made: of programs without maps, or without a result. */
  public long notFollowed() {
    return notFollowed;
  }

  @Override
  public List<String> notes() {
    return notes.all(
        scan.notes(),
        arguments.notes(),
        printed.firstCut(),
        scan.unnamedPrograms() > 0,
        scan.pageOffsets());
  }

  @Override
  public @Nullable VmaEvent next() {
    while (pending.isEmpty()) {
      StraceLine line = lines.next();
      if (line == null) {
        if (queue.isEmpty()) {
          return null;
        }
        queue.flush();
      } else {
        line(line);
      }
    }
    return pending.poll();
  }

  private String where() {
    return lines.where();
  }

  private void line(StraceLine line) {
    switch (line.form()) {
      case ENDED -> ended(line);
      case UNFINISHED -> {
        if (unfinished.size() >= Followed.MAX_PIDS) {
          throw StraceLine.wrong("too many unfinished calls", where(), 0);
        }
        int _ = followed.of(line.pid()); // a child exists from its first line on
        unfinished.begins(line);
        began.put(line.pid(), lines.number());
      }
      case RESUMED -> resumed(line);
      case CALL -> {
        began.put(line.pid(), lines.number());
        call(line);
      }
      default -> {}
    }
  }

  private void resumed(StraceLine line) {
    Unfinished.Whole whole = unfinished.completed(line, where());
    if (whole == null) {
      if (Calls.isMemoryCall(line.name())) {
        notFollowed++;
        notes.ofLine(
            "line " + lines.number() + " completes a call of which no line shows the beginning");
      }
      return;
    }
    if (whole.beganBy() != line.pid()) {
      began.put(line.pid(), began.getOrDefault(whole.beganBy(), lines.number()));
    }
    if (whole.line().form() == StraceLine.Form.CALL) {
      call(whole.line());
    } else if (Calls.isMemoryCall(line.name())) {
      throw StraceLine.cut(whole.line(), where());
    }
  }

  private void ended(StraceLine line) {
    long pid = unfinished.ended(line);
    flushUnlessBusy();
    began.remove(pid);
    followed.ended(pid);
  }

  private void call(StraceLine line) {
    if (line.name().startsWith("execve")) {
      if (StraceLine.firstWord(line.result()).equals("0")) {
        executed(line);
      }
      return;
    }
    LogScan.Exec unnamed = scan.execAt(lines.number());
    if (unnamed != null && !unnamed.named()) {
      executed(line);
    }
    int process = followed.of(line.pid());
    if (Calls.isBirth(line.name())) {
      Long child = line.number();
      if (child != null && child > 0) {
        int _ = followed.of(child);
      }
      return;
    }
    if (process == Kin.NOT_FOLLOWED) {
      if (followed.began() && Calls.isMemoryCall(line.name())) {
        notFollowed++;
      }
      descriptors.note(line);
      return;
    }
    if (!followed.space(process).takesBreak(line)) {
      memoryCall(line, process);
    }
  }

  private void executed(StraceLine line) {
    if (followed.executed(line)) {
      notes.inferredLater();
    }
  }

  private void memoryCall(StraceLine line, int process) {
    CallName name = Calls.name(line.name());
    if (name == null) {
      if (!printedMaps(line)) {
        otherCall(line, process);
      }
      return;
    }
    Answer answer = AnswerText.of(line, name, where());
    boolean injected = line.result().contains("(INJECTED)");
    if (answer == null || (injected && !(answer instanceof Answer.Failure))) {
      notFollowed++;
      flushUnlessBusy();
      return;
    }
    if (answer instanceof Answer.Failure failure
        && (name == CallName.BRK || failure.errno().equals("ENOSYS") || injected)) {
      // brk gives the break when it fails; only what stands before the call gives an error, as does
      // strace itself (-e inject).
      notes.refused(line.body(), lines.number());
      flushUnlessBusy();
      return;
    }
    ArgumentReader.Read read =
        arguments.read(line, name, followed.space(process).writable(), lines.number(), where());
    pending.addAll(read.news());
    // A place that was taken from this line says nothing.
    boolean input = followed.space(process).isInput(lines.number());
    done(line, process, name, read.args(), read.open(), input ? Answer.Unknown.IT : answer);
  }

  private void done(
      StraceLine line,
      int process,
      CallName name,
      List<Long> args,
      @Nullable String open,
      Answer answer) {
    queue.add(
        new Overlap.Done(
            began.getOrDefault(line.pid(), lines.number()),
            lines.number(),
            process,
            name,
            args,
            open,
            answer,
            lines.number(),
            line.body()));
    flushUnlessBusy();
  }

  /** Whether a memory call is under way, so that what is back may have to wait for it. */
  private boolean busy() {
    return unfinished.all().stream()
        .anyMatch(
            line ->
                Calls.name(line.name()) != null
                    && followed.ofNamed(line.pid()) != Kin.NOT_FOLLOWED);
  }

  private void flushUnlessBusy() {
    if (queue.isFull() || !busy()) {
      queue.flush();
    }
  }

  /** Whether the call is one on open maps of a process. */
  private boolean printedMaps(StraceLine line) {
    String first = line.args().isEmpty() ? "" : line.args().getFirst();
    Descriptors.Open file = descriptors.known(line.pid(), first);
    if (!printed.isOne(file)) {
      return false;
    }
    descriptors.note(line);
    VmaEvent shown = printed.call(line, file, followed.spaces(), where(), lines.number());
    if (shown != null) {
      queue.flush();
      pending.add(shown);
    }
    return true;
  }

  /** Whoever opens maps reads those of the address space that their owner has then. */
  private void opened(StraceLine line, int process) {
    Descriptors.Open file = descriptors.known(line.pid(), line.result());
    Long owner = file == null ? null : PrintedMaps.owner(file.path());
    if (file == null || owner == null) {
      return;
    }
    int whose = owner == 0 ? process : followed.ofNamed(owner);
    Space space = followed.spaces().get(whose);
    if (space != null) {
      printed.opened(file, whose, space);
    }
  }

  private void otherCall(StraceLine line, int process) {
    Set<Descriptors.Open> watching = descriptors.userfaults(line.pid());
    descriptors.note(line);
    if (userfault(line, process, watching)) {
      return;
    }
    List<Long> scan = ScanText.args(line);
    Answer found = scan == null ? null : AnswerText.of(line, CallName.PAGEMAP_SCAN, where());
    if (scan != null && found != null) {
      done(line, process, CallName.PAGEMAP_SCAN, scan, null, ScanText.judged(found));
      return;
    }
    if (line.name().equals("prctl")) {
      prctl(line, process);
      return;
    }
    if (!line.succeeded()) {
      return;
    }
    LimitText.Limits limits = LimitText.of(line);
    if (limits != null) {
      if (limits.set() != LimitText.Limits.NONE) {
        limit(line, process, limits);
      }
      return;
    }
    switch (line.name()) {
      case "open", "openat", "openat2" -> opened(line, process);
      case "shmget", "shmat", "shmdt", "shmctl" -> sharedSegment(line, process);
      default -> notModelled(line);
    }
  }

  /**
   * Whether the call is one of userfaultfd; the last descriptor of one may be closed by others.
   *
   * @param before the descriptors of userfaultfd that there were
   */
  private boolean userfault(StraceLine line, int process, Set<Descriptors.Open> before) {
    Set<Descriptors.Open> now = descriptors.userfaults(line.pid());
    for (Descriptors.Open gone : before) {
      if (!now.contains(gone)) {
        done(line, process, CallName.CLOSE, List.of(0L), gone.name(), Answer.Unknown.IT);
      }
    }
    if (line.name().equals("userfaultfd")) {
      Descriptors.Open made = descriptors.known(line.pid(), line.result());
      Long flags = line.args().isEmpty() ? null : Symbols.value(line.args().getFirst());
      if (line.succeeded() && made != null && flags != null) {
        done(line, process, CallName.USERFAULTFD, List.of(flags), made.name(), Answer.Unknown.IT);
      }
      return true;
    }
    CallName call = UffdText.call(line);
    if (call == null) {
      return false;
    }
    Descriptors.Open file = descriptors.known(line.pid(), line.args().getFirst());
    List<Long> args = UffdText.args(line, call);
    Answer answer = AnswerText.of(line, call, where());
    if (file != null && now.contains(file) && args != null && answer != null) {
      done(line, process, call, args, file.name(), UffdText.judged(call, answer));
    }
    return true;
  }

  private void prctl(StraceLine line, int process) {
    List<Long> args = Prctl.args(line);
    String name = Prctl.vmaName(line);
    Answer answer = AnswerText.of(line, CallName.PRCTL, where());
    if (answer != null && name != null) {
      done(line, process, CallName.SET_VMA_NAME, Prctl.range(line), name, answer);
    } else if (answer != null && !args.isEmpty()) {
      done(line, process, CallName.PRCTL, args, null, answer);
    } else if (line.succeeded()) {
      notModelled(line);
    }
  }

  private void notModelled(StraceLine line) {
    String what = Calls.notModelled(line);
    if (what != null) {
      notes.notModelled(line.name() + ": " + what, lines.number());
    }
  }

  private void limit(StraceLine line, int process, LimitText.Limits limits) {
    int whose = process;
    if (limits.pid() != 0 && limits.pid() != line.pid()) {
      whose = followed.ofNamed(limits.pid());
    }
    if (whose == Kin.NOT_FOLLOWED) {
      return;
    }
    done(
        line,
        whose,
        CallName.SETRLIMIT,
        List.of((long) RESOURCES.indexOf(limits.resource()), limits.set()),
        null,
        new Answer.Value(0, false));
  }

  /** shmget, shmat, shmdt and shmctl, with numbers of segments as they are here. */
  private void sharedSegment(StraceLine line, int process) {
    List<SharedSegments.Call> made = segments.calls(line);
    if (made.isEmpty() && Calls.isMemoryCall(line.name())) {
      notFollowed++;
      notes.ofLine(
          "line "
              + lines.number()
              + ": "
              + line.name()
              + " is not made: no line tells how large the segment is (shmget)");
      return;
    }
    boolean input = followed.space(process).isInput(lines.number());
    for (SharedSegments.Call call : made) {
      done(
          line, process, call.name(), call.args(), null, input ? Answer.Unknown.IT : call.answer());
    }
  }

  @Override
  public void close() {
    lines.close();
  }
}
