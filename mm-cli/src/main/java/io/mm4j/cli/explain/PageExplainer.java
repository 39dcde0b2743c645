// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageCalls;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.replay.report.KernelVersion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Explains requests to the page allocator and frees, one after the other on one machine. */
public final class PageExplainer {
  /** The operation that stands for all of them in messages. */
  public static final String OPERATION = "alloc_pages";

  private static final Pattern RESULT = Pattern.compile("(?:\\$|[rR])([0-9]{1,9})");

  /** What an operation gave. */
  private record Given(long pfn, int order) {}

  private final Machine machine;
  private final @Nullable KernelVersion version;
  private final List<Long> results;

  /** The result of a request that failed. */
  public static final String NO_PAGE = "no page";

  /** By the number of the operation. */
  private final Map<Integer, Given> given = new LinkedHashMap<>();

  /**
   * On a machine, which is changed.
   *
   * @param version whose bits flags in numbers are; null for today's
   * @param results what the operations before gave, in order; grows
   */
  public PageExplainer(Machine machine, @Nullable KernelVersion version, List<Long> results) {
    this.machine = machine;
    this.version = version;
    this.results = results;
  }

  /** Whether there is an operation of that name. */
  public static boolean knows(String name) {
    return PageOp.exists(name);
  }

  /** How they are typed, a line each. */
  public static List<String> forms() {
    return PageOp.forms();
  }

  /**
   * The flags of a request, 0 for a free.
   *
   * @throws InputException if the operation or an argument is wrong
   */
  public static int check(List<String> words, @Nullable KernelVersion version) {
    PageOp op = PageOp.of(words.getFirst());
    op.check(words);
    op.order(words);
    return op.gfp(words, version);
  }

  /** Does one operation. */
  public Explanation explain(List<String> words) {
    return explain(words, null);
  }

  /**
   * Does one operation.
   *
   * @param nodes those that may serve a request; null for all
   */
  public Explanation explain(List<String> words, @Nullable NodeMask nodes) {
    PageOp op = PageOp.of(words.getFirst());
    op.check(words);
    return op.allocates() ? allocate(op, words, nodes) : free(op, words);
  }

  private Explanation allocate(PageOp op, List<String> words, @Nullable NodeMask nodes) {
    int gfp = op.gfp(words, version);
    int order = op.order(words);
    int node = op.node(words, machine.layout().nodes().size());
    String call =
        String.format(
            Locale.ROOT,
            "%s(gfp=%s, order=%d%s%s): %d page%s of %s memory, from zone %s or lower",
            op.text(),
            Gfp.format(gfp),
            order,
            node < 0 ? "" : ", node=" + node,
            nodes == null ? "" : ", nodemask=" + nodes,
            1 << order,
            order == 0 ? "" : "s in a row",
            Migratetype.name(Gfp.migratetype(gfp)),
            Gfp.highestZone(gfp).procName());
    if (op.givesAddress() && (gfp & Gfp.__GFP_HIGHMEM) != 0) {
      throw new InputException(
          op.text() + " gives a kernel address, which highmem does not have",
          String.join(" ", words),
          "flags without __GFP_HIGHMEM, or alloc_pages");
    }
    PageAllocator pages = machine.pages();
    FreeCounts before = new FreeCounts(machine);
    PageTeller teller = new PageTeller();
    boolean tells = pages.watch(teller);
    long pfn = PageAllocator.NO_PAGE;
    String never = null;
    try {
      pfn =
          op.givesAddress()
              ? freePages(gfp, order)
              : pages.allocPages(cpu(), gfp, order, node, nodes);
    } catch (MemoryDeadlockException e) {
      never = "never comes back: " + e.getMessage();
    } finally {
      pages.watch(null);
    }
    List<Step> steps = new ArrayList<>(teller.steps());
    if (!tells) {
      steps.add(new Step("note", "this page allocator does not show its steps"));
    }
    FreeCounts after = new FreeCounts(machine);
    if (pfn == PageAllocator.NO_PAGE) {
      teller.lastWords().forEach(text -> steps.add(new Step("why", text)));
      if (tells && steps.isEmpty()) {
        steps.add(new Step("why", "this machine has no zone with pages that may serve it"));
      }
    }
    boolean none = pfn == PageAllocator.NO_PAGE && never == null;
    if (!none && never == null) {
      after.splits(before, pfn, order).forEach(text -> steps.add(new Step("split", text)));
      given.put(results.size() + 1, new Given(pfn, order));
    }
    results.add(none || never != null ? -12L : op.givesAddress() ? address(pfn) : pfn);
    Map<String, String> arguments = new LinkedHashMap<>();
    arguments.put("gfp", Gfp.format(gfp));
    arguments.put("order", Integer.toString(order));
    if (node >= 0) {
      arguments.put("node", Integer.toString(node));
    }
    if (nodes != null) {
      arguments.put("nodemask", nodes.toString());
    }
    String result = never != null ? never : none ? NO_PAGE : where(pfn, op.givesAddress());
    return new Explanation(
        call, arguments, steps, result, none ? "ENOMEM" : null, after.changes(before));
  }

  /** {@code __get_free_pages}, and the frame of the address that it gives. */
  private long freePages(int gfp, int order) {
    PageCalls calls = new PageCalls(machine.pages(), cpu(), address(0));
    long kaddr = calls.getFreePages(gfp, order);
    return kaddr == 0 ? PageAllocator.NO_PAGE : calls.virtToPage(kaddr);
  }

  private String where(long pfn, boolean asAddress) {
    String text =
        String.format(Locale.ROOT, "pfn %d, physical address 0x%x", pfn, pfn << Pages.PAGE_SHIFT);
    long address = machine.architecture().pageAddress(pfn);
    return asAddress ? String.format(Locale.ROOT, "0x%x (%s)", address, text) : text;
  }

  private long address(long pfn) {
    return machine.architecture().pageAddress(pfn);
  }

  private Cpu cpu() {
    return machine.cpus().get(0);
  }

  private Explanation free(PageOp op, List<String> words) {
    String where = String.join(" ", words);
    int number = number(op.block(words), where);
    Given block = given.get(number);
    int order = op.text().endsWith("page") && block != null ? 0 : op.order(words);
    if (block == null) {
      throw new InputException(
          op.block(words) + " is no block that an operation here has got, or it is free again",
          where,
          given.isEmpty()
              ? "after alloc_pages and the like: alloc_pages GFP_KERNEL 3; free_pages $1 3"
              : "$" + String.join(", $", given.keySet().stream().map(String::valueOf).toList()));
    }
    if (order != block.order()) {
      throw new InputException(
          "order " + order + " is not the block's, which is " + block.order(),
          where,
          "the order that was asked for; a part of a block cannot be freed");
    }
    PageAllocator pages = machine.pages();
    FreeCounts before = new FreeCounts(machine);
    PageTeller teller = new PageTeller();
    pages.watch(teller);
    try {
      pages.freePages(cpu(), block.pfn(), order);
    } catch (MisuseException e) {
      throw new InputException(String.valueOf(e.getMessage()), where, "a block in use");
    } finally {
      pages.watch(null);
    }
    given.remove(number);
    results.add(0L);
    List<Step> steps = new ArrayList<>(teller.steps());
    FreeCounts after = new FreeCounts(machine);
    after.merges(before, block.pfn(), order).forEach(text -> steps.add(new Step("merge", text)));
    String call =
        String.format(
            Locale.ROOT,
            "%s(pfn %d, order=%d): %d page%s back",
            op.text(),
            block.pfn(),
            order,
            1 << order,
            order == 0 ? "" : "s");
    Map<String, String> arguments = new LinkedHashMap<>();
    arguments.put("pfn", Long.toString(block.pfn()));
    arguments.put("order", Integer.toString(order));
    return new Explanation(call, arguments, steps, "done", null, after.changes(before));
  }

  private static int number(String text, String where) {
    Matcher matcher = RESULT.matcher(text);
    if (!matcher.matches()) {
      throw new InputException(
          "'" + text + "' names no block", where, "$1 or r1 for what the first operation gave");
    }
    return Integer.parseInt(matcher.group(1));
  }

  static List<String> blocks(Machine machine) {
    List<String> lines = new ArrayList<>();
    for (ManagedZone zone : machine.zones()) {
      StringBuilder line = new StringBuilder(zone.zone().toString()).append(':');
      for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
        line.append(' ').append(zone.frames().freeBlocks(order));
      }
      lines.add(line.toString());
    }
    return lines;
  }

  /** The free blocks at one moment. */
  private static final class FreeCounts {
    private final List<ManagedZone> zones;
    private final List<long[]> counts = new ArrayList<>();
    private final List<String> lines;

    FreeCounts(Machine machine) {
      zones = machine.zones();
      lines = blocks(machine);
      for (ManagedZone zone : zones) {
        long[] row = new long[Pages.MAX_PAGE_ORDER + 1];
        for (int order = 0; order < row.length; order++) {
          row[order] = zone.frames().freeBlocks(order);
        }
        counts.add(row);
      }
    }

    List<Change> changes(FreeCounts before) {
      List<String> removed = new ArrayList<>();
      List<String> added = new ArrayList<>();
      for (int i = 0; i < lines.size(); i++) {
        if (!before.lines.get(i).equals(lines.get(i))) {
          removed.add(before.lines.get(i));
          added.add(lines.get(i));
        }
      }
      return removed.isEmpty()
          ? List.of()
          : List.of(new Change("free blocks by order, 0 to 10", "free_blocks", removed, added));
    }

    private long @Nullable [] difference(FreeCounts before, long pfn) {
      for (int i = 0; i < zones.size(); i++) {
        if (pfn >= zones.get(i).zone().startPfn() && pfn < zones.get(i).zone().endPfn()) {
          long[] difference = counts.get(i).clone();
          for (int order = 0; order < difference.length; order++) {
            difference[order] -= before.counts.get(i)[order];
          }
          return difference;
        }
      }
      return null;
    }

    /** How one block came out of a larger one, drawn in the order of addresses. */
    List<String> splits(FreeCounts before, long pfn, int order) {
      long[] by = difference(before, pfn);
      if (by == null) {
        return List.of();
      }
      int from = order;
      while (from < by.length && by[from] == 1) {
        from++;
      }
      if (from == order || from == by.length || by[from] != -1) {
        return List.of();
      }
      StringBuilder drawn = new StringBuilder("[" + order + "*]");
      for (int o = order; o < from; o++) {
        drawn.append('[').append(o).append(']');
      }
      return List.of(
          String.format(
              Locale.ROOT,
              "the block of order %d at pfn %d is halved %d time%s, each time the upper half stays"
                  + " free: %s (orders by address, * is handed out)",
              from,
              pfn,
              from - order,
              from - order == 1 ? "" : "s",
              drawn));
    }

    /** What a block that was freed became part of. */
    List<String> merges(FreeCounts before, long pfn, int order) {
      long[] by = difference(before, pfn);
      if (by == null) {
        return List.of();
      }
      int to = order;
      while (to < by.length && by[to] == -1) {
        to++;
      }
      if (to < by.length && by[to] == 1 && to == order) {
        return List.of(
            String.format(
                Locale.ROOT,
                "its buddy at pfn %d is not free as a block of order %d: it stays as it is",
                pfn ^ (1L << order),
                order));
      }
      if (to == order || to == by.length || by[to] != 1) {
        return to == order && by[order] == 0
            ? List.of("it goes to a per-cpu list, from where nothing merges; drained later")
            : List.of();
      }
      StringBuilder drawn = new StringBuilder("[" + order + "*]");
      for (int o = order; o < to; o++) {
        boolean above = (pfn >>> o & 1) == 0;
        if (above) {
          drawn.append('[').append(o).append(']');
        } else {
          drawn.insert(0, "[" + o + "]");
        }
      }
      return List.of(
          String.format(
              Locale.ROOT,
              "its buddies of order %s are free: %s becomes one block of order %d at pfn %d (orders"
                  + " by address, * came back)",
              to - 1 == order ? order : order + " to " + (to - 1),
              drawn,
              to,
              pfn & -(1L << to)));
    }
  }
}
