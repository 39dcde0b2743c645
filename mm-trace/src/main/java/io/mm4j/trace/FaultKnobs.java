// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Gfp;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
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
 * /proc/PID/fail-nth}: the N-th allocation fails, and no other one.
 *
 * <p>Differences: {@code ignore-gfp-wait} is N if nothing is said, since there are hardly any
 * requests without, {@code min-order} and {@code verbose} are 0, {@code nth} counts for each fault;
 * random numbers come from a seed. {@code cache-filter}, {@code task-filter} and the filters by
 * stack ({@code require-start} ..) are not there: no cache and no task is marked here.
 *
 * <p>Threads: any.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class FaultKnobs {
  private static final String ALLOWED =
      "INTERVAL,PROBABILITY,SPACE,TIMES or probability=, interval=, times=, space=, min-order=,"
          + " ignore-gfp-wait=, ignore-gfp-highmem=, verbose=, nth=";

  private final Random random;
  private long probability = 100;
  private long interval = 1;
  private long times = 1;
  private long space;
  private long minOrder;
  private boolean ignoreWait;
  private boolean ignoreHighmem = true;
  private long nth;
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
      given.put(part.substring(0, eq), part.substring(eq + 1));
    }
    given.forEach((knob, value) -> knobs.set(knob, value, where));
    return knobs;
  }

  private void set(String knob, String value, String where) {
    switch (knob) {
      case "probability" -> probability = number(value, 0, 100, where);
      case "interval" -> interval = number(value, 1, Integer.MAX_VALUE, where);
      case "times" -> times = number(value, -1, Integer.MAX_VALUE, where);
      case "space" -> space = number(value, 0, Integer.MAX_VALUE, where);
      case "min-order" -> minOrder = number(value, 0, 10, where);
      case "verbose" -> verbose = number(value, 0, 2, where);
      case "nth" -> nth = number(value, 1, Integer.MAX_VALUE, where);
      case "ignore-gfp-wait" -> ignoreWait = yes(value, where);
      case "ignore-gfp-highmem" -> ignoreHighmem = yes(value, where);
      default -> throw new InputException("there is no knob '" + knob + "'", where, ALLOWED);
    }
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
    if (order < minOrder
        || (gfp & Gfp.__GFP_NOFAIL) != 0
        || (ignoreHighmem && (gfp & Gfp.__GFP_HIGHMEM) != 0)
        || (ignoreWait && (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0)) {
      return false;
    }
    return fails(1L << order);
  }

  /** {@code should_failslab()}. */
  boolean failsObject(int gfp, long bytes) {
    if ((gfp & Gfp.__GFP_NOFAIL) != 0 || (ignoreWait && (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0)) {
      return false;
    }
    return fails(bytes);
  }

  private synchronized boolean fails(long size) {
    asked++;
    boolean fails = nth > 0 ? asked == nth : isDue(size);
    if (fails) {
      tell();
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
    return probability > random.nextInt(100);
  }

  /** {@code fail_dump()}: words, and with 2 the stack. */
  private void tell() {
    if (verbose == 0) {
      return;
    }
    log.accept(
        "FAULT_INJECTION: forcing a failure, name "
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
