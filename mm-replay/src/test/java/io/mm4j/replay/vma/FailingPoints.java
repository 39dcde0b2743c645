// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.replay.CallWatcher;
import io.mm4j.replay.RunningProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Plays one recording again and again, each time with one allocation failing: a frame, as {@code
 * fail_page_alloc} does it, or one of the kernel's own structures, as {@code failslab} does it.
 *
 * <p>A <i>point</i> is an allocation of a call: the n-th of its kind within it. Whatever fails, the
 * call is done all the same or says that memory is out; every page is as it was before the call or
 * as the call leaves it; every process contradicts nothing; the recording goes on to its end; and
 * when all processes have gone every frame is free again.
 */
final class FailingPoints {
  /** In the flags of a VMA that may have guard pages. */
  private static final String GUARDS = ",gu";

  /** An allocation that can fail. */
  record Point(long call, boolean frame, long number) {}

  private final FailingMachine below;
  private final Path recording;
  private final List<Point> all = new ArrayList<>();

  FailingPoints(FailingMachine below, Path recording) {
    this.below = below;
    this.recording = recording;
    play(new Count(), VmaReplay.AT_END);
  }

  /** All allocations that calls of the recording make, in order. */
  List<Point> all() {
    return all;
  }

  /** Some of them, told by a seed: as many of frames as of structures, if there are so many. */
  List<Point> some(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Point> frames = new ArrayList<>(all.stream().filter(Point::frame).toList());
    List<Point> structures = new ArrayList<>(all.stream().filter(p -> !p.frame).toList());
    List<Point> chosen = new ArrayList<>();
    while (chosen.size() < count && frames.size() + structures.size() > 0) {
      boolean frame = structures.isEmpty() || (!frames.isEmpty() && chosen.size() % 2 == 0);
      List<Point> from = frame ? frames : structures;
      chosen.add(from.remove(random.nextInt(from.size())));
    }
    return chosen;
  }

  /** Makes these fail, one after the other; what goes wrong, or an empty list. */
  List<String> judge(List<Point> points) {
    TreeSet<Long> calls = new TreeSet<>();
    points.forEach(point -> calls.add(point.call));
    Reference right = new Reference(calls);
    play(right, VmaReplay.AT_END);
    List<String> wrong = new ArrayList<>();
    for (Point point : points) {
      String problem = judge(point, right);
      if (problem != null) {
        wrong.add(recording.getFileName() + " " + point + ": " + problem);
      }
    }
    return wrong;
  }

  private @Nullable String judge(Point point, Reference right) {
    Moment before = right.before.get(point.call);
    Moment after = right.after.get(point.call);
    if (before == null || after == null) {
      return "the call was not seen";
    }
    Failing failing = new Failing(point, before, after);
    try {
      // A child that was not born cannot go on.
      play(failing, after.fork ? point.call + 1 : VmaReplay.AT_END);
      return failing.problem;
    } catch (RuntimeException | CorruptStateError e) {
      return e.toString();
    } finally {
      below.pages().failIn(0);
    }
  }

  /** Plays the recording, and ends all processes. */
  private void play(Watcher watcher, long until) {
    long free = below.freeFrames();
    try (VmaSource source = VmaReplay.source(recording).get()) {
      ProcessFloor floor = below.floor();
      VmaReplayer replayer = new VmaReplayer(source, below.machine, floor, VmaChecks.tally(), 0);
      watcher.watch(floor, replayer::living);
      long _ = replayer.watchedBy(watcher).runUntil(until);
      List<RunningProcess> living = replayer.living();
      living.forEach(process -> process.mm().validate());
      living.forEach(process -> process.mm().exit());
      check(floor.committedPages() == 0, "charged at the end: " + floor.committedPages());
      floor.close();
    }
    check(below.freeFrames() == free, "frames lost: " + (free - below.freeFrames()));
    below.machine.pageTables().validate();
  }

  private static void check(boolean right, String problem) {
    CorruptStateError.check(right, problem);
  }

  // ---------------------------------------------------------------- who watches

  private abstract static class Watcher implements CallWatcher {
    private @Nullable ProcessFloor floor;
    private Supplier<List<RunningProcess>> processes = List::of;
    long call;
    String text = "";

    @Override
    public boolean wants(long number) {
      return true;
    }

    @Override
    public void before(long number, String made, RunningProcess process) {
      call = number;
      text = made;
      begin();
    }

    @Override
    public void after(String recorded, String here, boolean ended) {
      end(here);
    }

    void watch(ProcessFloor of, Supplier<List<RunningProcess>> living) {
      floor = of;
      processes = living;
    }

    ProcessFloor floor() {
      return Objects.requireNonNull(floor);
    }

    List<RunningProcess> living() {
      return processes.get();
    }

    abstract void begin();

    abstract void end(String here);
  }

  /** Counts the allocations of each call. */
  private final class Count extends Watcher {
    private long frames;
    private long structures;

    @Override
    void begin() {
      frames = below.pages().allocations();
      structures = floor().allocationCount();
    }

    @Override
    void end(String here) {
      long framesNow = below.pages().allocations() - frames;
      long structuresNow = floor().allocationCount() - structures;
      for (long n = 1; n <= framesNow; n++) {
        all.add(new Point(call, true, n));
      }
      for (long n = 1; n <= structuresNow; n++) {
        all.add(new Point(call, false, n));
      }
    }
  }

  /** What is mapped at one moment, by process, and what the call gave. */
  private record Moment(
      Map<Integer, NavigableMap<Long, String>> maps, String result, boolean fork) {}

  private Moment moment(List<RunningProcess> living, String text, String result) {
    Map<Integer, NavigableMap<Long, String>> maps = new HashMap<>();
    for (RunningProcess process : living) {
      maps.put(process.pid(), mapped(process.mm()));
    }
    return new Moment(maps, result, text.contains(" fork"));
  }

  /** What begins at an address: rights, flags and pages; up to the next one. */
  private static NavigableMap<Long, String> mapped(AddressSpace mm) {
    NavigableMap<Long, String> map = new TreeMap<>();
    mm.forEachVma(
        vma -> {
          boolean file = vma.file() != null;
          // The names [heap] and [stack] hang on what else is mapped.
          String what =
              vma.perms()
                  + " "
                  + (file ? vma.name() : "")
                  + " "
                  + String.join(",", vma.flags())
                  + " offset=";
          long at = vma.start();
          String pages = vma.pages().equals("?") ? ".0" : vma.pages();
          for (String run : pages.split(",", -1)) {
            // Shared or not, huge or not: other processes and fallbacks decide.
            String letter = run.substring(0, 1).toLowerCase(Locale.ROOT);
            long offset = file ? vma.offsetBytes() - vma.start() : 0;
            map.put(at, what + offset + " " + letter);
            at += Long.parseLong(run.substring(1)) << 12;
          }
          map.put(vma.end(), "nothing");
        });
    return map;
  }

  private static String at(@Nullable NavigableMap<Long, String> map, long addr) {
    Map.Entry<Long, String> entry = map == null ? null : map.floorEntry(addr);
    return entry == null ? "nothing" : entry.getValue();
  }

  /** Keeps what is mapped around some calls. */
  private final class Reference extends Watcher {
    final Map<Long, Moment> before = new HashMap<>();
    final Map<Long, Moment> after = new HashMap<>();
    private final NavigableSet<Long> calls;

    Reference(NavigableSet<Long> calls) {
      this.calls = calls;
    }

    @Override
    public boolean wants(long number) {
      return calls.contains(number);
    }

    @Override
    void begin() {
      before.put(call, moment(living(), text, ""));
    }

    @Override
    void end(String here) {
      after.put(call, moment(living(), text, here));
    }
  }

  /** Lets one allocation fail and judges what came of it. */
  private final class Failing extends Watcher {
    private final Point point;
    private final Moment before;
    private final Moment done;
    private long brk;
    @Nullable String problem;

    Failing(Point point, Moment before, Moment done) {
      this.point = point;
      this.before = before;
      this.done = done;
    }

    @Override
    public boolean wants(long number) {
      return number == point.call;
    }

    @Override
    public void before(long number, String made, RunningProcess process) {
      MmFields fields = process.mm().fields();
      brk = fields.brk();
      super.before(number, made, process);
    }

    @Override
    void begin() {
      if (point.frame) {
        below.pages().failIn(point.number);
      } else {
        floor().failAllocationAfter(point.number - 1);
      }
    }

    @Override
    void end(String here) {
      below.pages().failIn(0);
      floor().failAllocationAfter(-1);
      List<RunningProcess> now = living();
      now.forEach(process -> process.mm().validate());
      boolean refused = !here.equals(done.result);
      if (refused && !isRefusal(here)) {
        problem = text.strip() + " gave " + here + " and not that memory is out";
        return;
      }
      Moment seen = moment(now, text, here);
      for (RunningProcess process : now) {
        boolean born = before.maps.containsKey(process.pid()) || !refused;
        if (born) {
          compare(process.pid(), seen, refused);
        }
      }
    }

    /**
     * Whether a place may look like this after the call. The mark of guards ({@code gu}) of another
     * VMA comes with a merge: {@code vma_merge_existing_range} and {@code vma_expand} set it only
     * when the merge is done, so one that was refused leaves the place without it.
     */
    private boolean isFine(String is, String old, String now, boolean refused) {
      boolean came = now.contains(GUARDS) && !old.contains(GUARDS) && !is.contains(GUARDS);
      return looksFine(is, old, now, refused)
          || (came && looksFine(is, old, now.replace(GUARDS, ""), refused));
    }

    private boolean looksFine(String is, String old, String now, boolean refused) {
      boolean undone =
          refused && !text.matches(".* (mremap|mprotect|madvise|mlock.*|munlock.*|mseal) .*");
      boolean touch = text.matches(".* (read|write|exec|fault) .*");
      boolean mremap = text.contains(" mremap ");
      return is.equals(old)
          || (!undone && is.equals(now))
          // A fixed place is empty before the move, and the old one stays if it cannot be cut.
          || (mremap && (is.equals("nothing") || (!refused && is.equals(absent(old)))))
          // A stack has grown before its page is looked for.
          || (touch && old.equals("nothing") && is.equals(absent(now)))
          // apply_mlockall_flags ignores what mlock_fixup gives, and mm_populate brings the pages
          // of all VMAs that are locked, those that were before among them.
          || (text.contains(" mlockall ")
              && mapping(is).equals(mapping(old))
              && (isPage(is, old) || isPage(is, now)))
          // What could not be told to lock on fault is brought as if it were locked at once.
          || (text.matches(".* mlockall flags=0x[4-7] .*")
              && mapping(is).equals(mapping(old))
              && !mapping(is).equals(mapping(now)))
          // Calls that change a mapping and make pages present do of the second what they can.
          || (!undone && !touch && mapping(is).equals(mapping(now)) && isPage(is, old));
    }

    /** Whether there is the page that was there, or none in a mapping that is new there. */
    private boolean isPage(String is, String old) {
      boolean maps = text.matches(".* (mmap|mremap|brk) .*");
      return (maps && is.endsWith(" ."))
          || is.substring(is.length() - 1).equals(old.substring(old.length() - 1));
    }

    private static String mapping(String what) {
      return what.substring(0, what.length() - 1);
    }

    /** The same mapping without its page. */
    private static String absent(String what) {
      return what.replaceFirst("[a-z]$", ".");
    }

    private boolean isRefusal(String here) {
      return List.of("-ENOMEM", "-EAGAIN", "-EFAULT").contains(here)
          || here.startsWith("SIGSEGV MAPERR")
          || (text.contains(" brk ") && here.equals("0x" + Long.toHexString(brk)));
    }

    private void compare(int pid, Moment seen, boolean refused) {
      NavigableMap<Long, String> a = before.maps.get(pid);
      NavigableMap<Long, String> b = done.maps.get(pid);
      TreeSet<Long> cuts = new TreeSet<>();
      for (Moment each : List.of(before, done, seen)) {
        NavigableMap<Long, String> map = each.maps.get(pid);
        if (map != null) {
          cuts.addAll(map.keySet());
        }
      }
      for (long cut : cuts) {
        String is = at(seen.maps.get(pid), cut);
        boolean fine = isFine(is, at(a, cut), at(b, cut), refused);
        if (!fine && problem == null) {
          problem =
              "%s = %s: %x is '%s', before '%s', after '%s'"
                  .formatted(text.strip(), seen.result, cut, is, at(a, cut), at(b, cut));
        }
      }
    }
  }
}
