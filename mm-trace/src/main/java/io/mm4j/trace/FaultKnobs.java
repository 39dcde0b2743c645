// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apiguardian.api.API;

/**
 * The kernel's knobs of one fault injection, {@code fail_page_alloc} or {@code failslab}: whether
 * the next allocation is to fail. Models {@code should_fail()} of lib/fault-inject.c and its
 * callers in mm (Linux 6.18).
 *
 * <p>Written as the kernel's boot parameter, {@code INTERVAL,PROBABILITY,SPACE,TIMES}, or by the
 * names of the files in debugfs: {@code probability=10,interval=100,times=-1,space=0,min-order=1,
 * ignore-gfp-wait=Y,ignore-gfp-highmem=Y,verbose=2}, and {@code nth=N}, as {@code
 * /proc/PID/fail-nth}: the N-th allocation fails, whatever the other knobs say, and none of those
 * before it; later ones if a probability is given, too.
 *
 * <p>Differences: {@code ignore-gfp-wait} is N if nothing is said, since there are hardly any
 * requests without, {@code min-order} and {@code verbose} are 0, {@code nth} counts for each fault;
 * random numbers come from a seed. {@code cache-filter} names the caches that are marked in the
 * kernel by {@code /sys/kernel/slab/CACHE/failslab}; {@code require} and {@code reject} name
 * functions in place of the addresses of {@code require-start} and its like. {@code task-filter} is
 * not there: {@code require} tells a task's calls from others.
 *
 * <p>Threads: any.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class FaultKnobs {
  private static final String ALLOWED =
      "INTERVAL,PROBABILITY,SPACE,TIMES or probability=, interval=, times=, space=, verbose=, nth=,"
          + " ignore-gfp-wait=, require=, reject=, stacktrace-depth=; of fail_page_alloc"
          + " min-order=, ignore-gfp-highmem=; of failslab cache-filter=";

  /** {@code MAX_STACK_TRACE_DEPTH}. */
  private static final int MOST_FRAMES = 32;

  private final Random random;
  private long probability = 100;
  private long interval = 1;
  private long times = 1;
  private long space;
  private long minOrder;
  private boolean ignoreWait;
  private boolean ignoreHighmem = true;
  private Set<String> caches = Set.of();

  /** Of whom objects were asked for, if there is a filter. */
  private final Set<String> met = ConcurrentHashMap.newKeySet();

  private Set<String> required = Set.of();
  private Set<String> rejected = Set.of();
  private long depth = MOST_FRAMES;
  private long nth;
  private boolean onlyNth;
  private long verbose;
  private long asked;
  private long count;
  private long failed;
  private final String name;
  private Consumer<? super String> log = text -> {};

  private FaultKnobs(String name, long seed) {
    this.name = name;
    this.random = new Random(seed);
  }

  /** Who is told of failures, as {@code verbose} says; nobody at first. */
  public synchronized void logTo(Consumer<? super String> listener) {
    log = listener;
  }

  /**
   * Reads the knobs.
   *
   * @param name for messages: {@code failslab} or {@code fail_page_alloc}
   * @throws InputException for a knob that there is not, or a value that is not allowed
   */
  public static FaultKnobs parse(String name, String text, long seed) {
    FaultKnobs knobs = new FaultKnobs(name, seed);
    String where = name + "=" + text;
    String[] parts = text.split(",", -1);
    if (parts.length == 4 && !text.contains("=")) {
      knobs.set("interval", parts[0], where);
      knobs.set("probability", parts[1], where);
      knobs.set("space", parts[2], where);
      knobs.set("times", parts[3], where);
      return knobs;
    }
    Map<String, String> given = new LinkedHashMap<>();
    for (String part : parts) {
      int eq = part.indexOf('=');
      if (eq < 0) {
        throw new InputException("'" + part + "' is no knob", where, ALLOWED);
      }
      String knob = part.substring(0, eq);
      if (given.put(knob, part.substring(eq + 1)) != null) {
        throw new InputException("'" + knob + "' is said twice", where, "each knob once");
      }
    }
    given.forEach((knob, value) -> knobs.set(knob, value, where));
    if (given.containsKey("stacktrace-depth")
        && knobs.required.isEmpty()
        && knobs.rejected.isEmpty()) {
      throw new InputException(
          "stacktrace-depth has no effect here", where, "it with require= or reject=");
    }
    knobs.onlyNth = given.containsKey("nth") && !given.containsKey("probability");
    return knobs;
  }

  private void set(String knob, String value, String where) {
    switch (knob) {
      case "probability" -> probability = number(value, 0, 100, where);
      case "interval" -> interval = number(value, 1, Integer.MAX_VALUE, where);
      case "times" -> times = number(value, -1, Integer.MAX_VALUE, where);
      case "space" -> space = number(value, 0, Integer.MAX_VALUE, where);
      case "stacktrace-depth" -> depth = number(value, 1, MOST_FRAMES, where);
      case "require" -> required = functions(value, where);
      case "reject" -> rejected = functions(value, where);
      case "require-start", "require-end", "reject-start", "reject-end" ->
          throw new InputException(
              "code has no addresses here: '" + knob + "'",
              where,
              "require=FUNCTION[+FUNCTION...] and reject=FUNCTION[+FUNCTION...]");
      case "cache-filter" -> {
        only("failslab", knob, where);
        caches = Set.of(names(value, "names of caches, joined by +: kmalloc-64+dentry", where));
      }
      case "min-order" -> {
        only("fail_page_alloc", knob, where);
        minOrder = number(value, 0, 10, where);
      }
      case "verbose" -> verbose = number(value, 0, 2, where);
      case "nth" -> nth = number(value, 1, Integer.MAX_VALUE, where);
      case "ignore-gfp-wait" -> ignoreWait = yes(value, where);
      case "ignore-gfp-highmem" -> {
        only("fail_page_alloc", knob, where);
        ignoreHighmem = yes(value, where);
      }
      default -> throw new InputException("there is no knob '" + knob + "'", where, ALLOWED);
    }
  }

  /** A knob of the other fault would do nothing. */
  private void only(String fault, String knob, String where) {
    if (!name.equals(fault)) {
      throw new InputException("'" + knob + "' is a knob of " + fault, where, ALLOWED);
    }
  }

  private static String[] names(String text, String allowed, String where) {
    String[] names = text.split("\\+", -1);
    boolean yesOrNo = List.of("Y", "y", "N", "n", "0", "1").contains(text);
    if (yesOrNo
        || Arrays.stream(names).distinct().filter(n -> !n.isBlank()).count() < names.length) {
      throw new InputException("'" + text + "' names nothing", where, allowed);
    }
    return names;
  }

  private static Set<String> functions(String text, String where) {
    String allowed = "kernel functions as function_graph shows them, or Type.method, joined by +";
    Set<String> functions = Set.of(names(text, allowed, where));
    for (String function : functions) {
      if (function.indexOf('.') < 0 && !KernelNames.isName(function)) {
        throw new InputException("no function is called '" + function + "'", where, allowed);
      }
    }
    return functions;
  }

  private static long number(String text, long least, long most, String where) {
    try {
      long value = Long.parseLong(text.strip());
      if (value >= least && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // answered below
    }
    throw new InputException("'" + text + "' is out of range", where, least + " to " + most);
  }

  private static boolean yes(String text, String where) {
    return switch (text) {
      case "Y", "y", "1" -> true;
      case "N", "n", "0" -> false;
      default -> throw new InputException("'" + text + "' is neither", where, "Y or N");
    };
  }

  /** {@code should_fail_alloc_page()}. */
  boolean failsPages(int gfp, int order) {
    if (order < minOrder || (ignoreHighmem && (gfp & Gfp.__GFP_HIGHMEM) != 0) || isSpared(gfp)) {
      return false;
    }
    return fails(1L << order, gfp);
  }

  /** {@code should_failslab()}. */
  boolean failsObject(int gfp, KmemCache cache) {
    if (!caches.isEmpty()) {
      boolean _ = met.add(cache.name());
      if (!caches.contains(cache.name())) {
        return false;
      }
    }
    if (isSpared(gfp)) {
      return false;
    }
    return fails(cache.objectBytes(), gfp);
  }

  /** Caches of {@code cache-filter} of which nobody has asked for an object, in order. */
  public Set<String> unmetCaches() {
    Set<String> unmet = new TreeSet<>(caches);
    unmet.removeAll(met);
    return unmet;
  }

  /** Caches of which somebody has asked for an object, in order; none without a filter. */
  public Set<String> metCaches() {
    return new TreeSet<>(met);
  }

  private boolean isSpared(int gfp) {
    return (gfp & Gfp.__GFP_NOFAIL) != 0 || (ignoreWait && (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0);
  }

  private synchronized boolean fails(long size, int gfp) {
    asked++;
    boolean fails = asked <= nth ? asked == nth : !onlyNth && isDue(size);
    if (fails) {
      if ((gfp & Gfp.__GFP_NOWARN) == 0) {
        tell();
      }
      times = times > 0 ? times - 1 : times;
      failed++;
    }
    return fails;
  }

  /** What {@code should_fail_ex()} asks, in its order. */
  private boolean isDue(long size) {
    if (probability == 0 || times == 0) {
      return false;
    }
    if (space > size) {
      space -= size;
      return false;
    }
    if (interval > 1 && ++count % interval != 0) {
      return false;
    }
    return probability > random.nextInt(100) && Callers.match(required, rejected, depth);
  }

  /** {@code fail_dump()}: words, and with 2 the stack. */
  private void tell() {
    if (verbose == 0) {
      return;
    }
    log.accept(
        "FAULT_INJECTION: forcing a failure.\nname "
            + name
            + ", interval "
            + interval
            + ", probability "
            + probability
            + ", space "
            + space
            + ", times "
            + times
            + (verbose == 2 ? "\n" + Holders.stack() : ""));
  }

  /** How many allocations have failed on purpose. */
  public synchronized long failed() {
    return failed;
  }

  /** How many allocations could have. */
  public synchronized long asked() {
    return asked;
  }
}
