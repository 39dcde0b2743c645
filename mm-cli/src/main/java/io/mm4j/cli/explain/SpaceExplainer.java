// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocStats;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Explains requests for the kernel's own mappings, one after the other on one machine. */
public final class SpaceExplainer {
  private static final OperationForms FORMS =
      new OperationForms(
          "requests for the kernel's own mappings",
          "vmalloc SIZE",
          "vzalloc SIZE",
          "vmalloc_huge SIZE",
          "vmalloc_32 SIZE",
          "vfree ADDR",
          "ioremap PADDR SIZE [MODE]",
          "iounmap ADDR",
          "dma_alloc_coherent SIZE [MASK]",
          "kmap PFN",
          "kunmap PFN",
          "kmap_local PFN",
          "kvmalloc SIZE");

  private final Machine machine;
  private final KernelSpace space;
  private final VmallocAllocator areas;
  private final Cpu cpu;
  private final List<Long> results;

  /** On a machine, which is changed. */
  public SpaceExplainer(Machine machine) {
    this(machine, new ArrayList<>());
  }

  /**
   * On a machine, which is changed.
   *
   * @param results what the operations before gave, in order; grows
   */
  public SpaceExplainer(Machine machine, List<Long> results) {
    this.results = results;
    this.machine = machine;
    this.space = machine.kernelSpace();
    this.areas = machine.vmalloc();
    this.cpu = machine.cpus().get(0);
  }

  /** Whether there is an operation of that name. */
  public static boolean knows(String operation) {
    return FORMS.knows(operation);
  }

  /** How they are typed. */
  public static List<String> forms() {
    return FORMS.all();
  }

  /**
   * Throws if it is none of these operations, or has too few or too many arguments.
   *
   * @param call its name and its arguments as typed
   */
  public static void check(List<String> call) {
    FORMS.check(call);
  }

  /**
   * Makes a request.
   *
   * @param call its name and its arguments as typed
   * @throws InputException if an argument is wrong; nothing is changed then
   */
  public Explanation explain(List<String> call) {
    check(call);
    List<String> before = space.vmallocinfo().lines().toList();
    VmallocStats stats = areas.stats();
    List<Step> steps = new ArrayList<>();
    String result;
    try {
      result = make(call, steps);
    } catch (MisuseException e) {
      results.add(KernelSpace.NO_ADDRESS);
      result = "refused: " + e.getMessage();
    }
    lazy(stats, areas.stats(), steps);
    return new Explanation(
        String.join(" ", call),
        FORMS.arguments(call),
        steps,
        result,
        null,
        changes(before, space.vmallocinfo().lines().toList()));
  }

  private String make(List<String> call, List<Step> steps) {
    return switch (call.getFirst()) {
      case "vmalloc" -> area(space.vmalloc(cpu, size(call, 1)), size(call, 1), steps);
      case "vzalloc" -> area(space.vzalloc(cpu, size(call, 1)), size(call, 1), steps);
      case "vmalloc_32" -> area(space.vmalloc32(cpu, size(call, 1)), size(call, 1), steps);
      case "vmalloc_huge" -> area(space.vmallocHuge(cpu, size(call, 1)), size(call, 1), steps);
      case "vfree" -> {
        space.vfree(cpu, number(call, 1));
        yield done();
      }
      case "ioremap" -> ioremap(call, steps);
      case "iounmap" -> {
        space.iounmap(cpu, number(call, 1));
        yield done();
      }
      case "dma_alloc_coherent" -> coherent(call, steps);
      case "kmap" -> mapped(number(call, 1), space.kmap(cpu, number(call, 1)), "pkmap", steps);
      case "kmap_local" ->
          mapped(number(call, 1), space.kmapLocal(cpu, number(call, 1)), "fixmap", steps);
      case "kunmap" -> {
        space.kunmap(cpu, number(call, 1));
        steps.add(
            new Step(
                "pkmap",
                number(call, 1) < machine.layout().lowmemEndPfn()
                    ? "the frame is lowmem and had no slot"
                    : "an address of the pkmap area stays mapped until all unused ones are flushed"
                        + " at once"));
        yield done();
      }
      default -> {
        long size = size(call, 1);
        long address = space.kvmalloc(cpu, size);
        boolean large = machine.kernelLayout().isVmalloc(address);
        steps.add(
            new Step(
                "kvmalloc",
                large
                    ? "kmalloc has no such object: vmalloc"
                    : "kmalloc has an object in the direct map"));
        yield large ? area(address, size, steps) : address(address);
      }
    };
  }

  private String area(long address, long bytes, List<Step> steps) {
    if (address == KernelSpace.NO_ADDRESS) {
      steps.add(new Step("vmalloc", whyNone(bytes)));
      return address(address);
    }
    long pages = (bytes + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
    long whole = areas.bytes(address) >>> Pages.PAGE_SHIFT;
    steps.add(
        new Step(
            "addresses",
            String.format(
                Locale.ROOT,
                "%s and a guard page, from %s: plugin %s",
                count(whole - 1, "page"),
                where(address),
                plugin())));
    long runs = 1;
    for (int i = 1; i < pages; i++) {
      long at = address + ((long) i << Pages.PAGE_SHIFT);
      runs += space.vmallocToPfn(at) == space.vmallocToPfn(at - Pages.PAGE_SIZE) + 1 ? 0 : 1;
    }
    steps.add(
        new Step(
            "frames",
            String.format(
                Locale.ROOT,
                "%s in %s, the first is 0x%x%s",
                count(pages, "frame"),
                count(runs, "run"),
                space.vmallocToPfn(address),
                pages == 1
                    ? ""
                    : runs == 1 ? ": physically in a row, by chance" : ": physically scattered")));
    String row = String.format(Locale.ROOT, "0x%016x-", address);
    if (space.vmallocinfo().lines().anyMatch(l -> l.startsWith(row) && l.contains(" vpages"))) {
      steps.add(
          new Step(
              "list", "which frames it has takes more than a page, so that list has its own area"));
    }
    tables(address, steps);
    steps.add(
        new Step(
            "guard",
            String.format(
                "nothing is mapped at 0x%x: an access behind the area faults",
                address + areas.bytes(address) - Pages.PAGE_SIZE)));
    return address(address);
  }

  private String whyNone(long bytes) {
    long total = machine.zones().stream().mapToLong(z -> z.zone().managedPages()).sum();
    if ((bytes - 1) >>> Pages.PAGE_SHIFT >= total) {
      return "more than all RAM, which has " + count(total, "page");
    }
    long room = machine.kernelLayout().vmallocEnd() - machine.kernelLayout().vmallocStart();
    return bytes >= room
        ? "the vmalloc area has " + count(room >>> Pages.PAGE_SHIFT, "page") + " in all"
        : "no hole with room for it, or no memory for the pages or their tables";
  }

  private static String count(long number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  private String plugin() {
    PluginSpec spec = machine.plugins().get(Spi.VMALLOC);
    return spec == null ? "?" : spec.name();
  }

  private void tables(long address, List<Step> steps) {
    PageTables tables = machine.pageTables();
    int[] level = {0};
    long _ = tables.walk(tables.kernelRoot(cpu), address, (l, pfn, i, entry) -> level[0] = l);
    steps.add(
        new Step(
            "tables",
            String.format(
                "mapped by entries of level %d, %d bytes each; `mm translate` shows the walk",
                level[0], tables.format().bytes(level[0]))));
  }

  private String where(long address) {
    boolean[] lower = {false};
    areas.forEachFree((start, end) -> lower[0] |= end <= address);
    return lower[0]
        ? "the lowest hole with room for them, or a pool of this CPU"
        : "the lowest hole";
  }

  private String ioremap(List<String> call, List<Step> steps) {
    long paddr = number(call, 1);
    long bytes = size(call, 2);
    CacheMode mode = call.size() > 3 ? mode(call.get(3)) : CacheMode.UC_MINUS;
    long address = space.ioremap(cpu, paddr, bytes, mode);
    if (address == KernelSpace.NO_ADDRESS) {
      boolean ram =
          machine.layout().map().ranges().stream()
              .anyMatch(
                  r ->
                      r.type() == MemoryMap.Type.USABLE
                          && paddr < r.end()
                          && paddr + bytes > r.start());
      steps.add(
          new Step(
              "ioremap",
              ram
                  ? "it is RAM: a second memory type for it would corrupt it, so it is refused"
                  : "beyond the addresses of this CPU, or no room"));
      return address(address);
    }
    steps.add(
        new Step(
            "addresses",
            "aligned to the size, as far as a huge page goes, and a guard page behind it"));
    steps.add(new Step("type", "memory type " + mode + ", bits PAT, PCD and PWT of the entries"));
    tables(address, steps);
    return address(address);
  }

  private static CacheMode mode(String text) {
    return Arrays.stream(CacheMode.values())
        .filter(m -> m.name().equalsIgnoreCase(text.replace('-', '_')))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "there is no memory type '" + text + "'",
                    "ioremap",
                    "WB, WC, UC_MINUS, UC, WT, WP"));
  }

  private String coherent(List<String> call, List<Step> steps) {
    long mask = call.size() > 2 ? number(call, 2) : (1L << 32) - 1;
    long address = space.dmaAllocCoherent(cpu, size(call, 1), mask);
    if (address != KernelSpace.NO_ADDRESS) {
      long bus = space.busAddress(address);
      steps.add(
          new Step(
              "zone",
              String.format(
                  "the mask 0x%x reaches it: bus address 0x%x, zone %s",
                  mask,
                  bus,
                  machine.layout().zones().stream()
                      .filter(z -> bus >>> 12 >= z.startPfn() && bus >>> 12 < z.endPfn())
                      .map(z -> z.type().toString())
                      .findFirst()
                      .orElse("?"))));
    } else {
      steps.add(new Step("zone", "no block of this size that the mask reaches"));
    }
    return address(address);
  }

  private String mapped(long pfn, long address, String area, List<Step> steps) {
    boolean low = pfn < machine.layout().lowmemEndPfn();
    steps.add(
        new Step(
            area,
            low
                ? "the frame is lowmem and has its address in the direct map"
                : address == KernelSpace.NO_ADDRESS
                    ? "all slots are in use; Linux would wait"
                    : "the frame is high memory: it gets a slot of the " + area));
    return address(address);
  }

  private static void lazy(VmallocStats before, VmallocStats after, List<Step> steps) {
    if (after.lazyPages() > before.lazyPages()) {
      steps.add(
          new Step(
              "lazy",
              String.format(
                  Locale.ROOT,
                  "the addresses wait for a purge, as a TLB may have them: %d pages do",
                  after.lazyPages())));
    }
    if (after.purges() > before.purges()) {
      steps.add(
          new Step(
              "purge",
              String.format(
                  Locale.ROOT,
                  "%d areas are free after one flush, %d areas are in pools",
                  after.purgedAreas() - before.purgedAreas(),
                  after.pooledAreas())));
    }
  }

  private static List<Change> changes(List<String> before, List<String> after) {
    List<String> gone = before.stream().filter(line -> !after.contains(line)).toList();
    List<String> come = after.stream().filter(line -> !before.contains(line)).toList();
    return gone.isEmpty() && come.isEmpty()
        ? List.of()
        : List.of(new Change("vmallocinfo", "vmallocinfo", gone, come));
  }

  private String address(long address) {
    results.add(address);
    return address == KernelSpace.NO_ADDRESS ? "NULL" : "0x" + Long.toHexString(address);
  }

  private String done() {
    results.add(KernelSpace.NO_ADDRESS);
    return "done";
  }

  private static long size(List<String> call, int at) {
    return Sizes.parseSize(call.get(at), String.join(" ", call));
  }

  /** Whether this names a result: {@code $1} or {@code r1}. */
  public static boolean isResult(String text) {
    return text.matches("[$r][0-9]{1,6}");
  }

  /**
   * The result of an earlier request.
   *
   * @param text that names it
   * @param where for the message
   * @throws InputException if there is none
   */
  public long result(String text, String where) {
    int index = Integer.parseInt(text.substring(1));
    if (index < 1 || index > results.size()) {
      throw new InputException(
          "there is no result " + text,
          where,
          results.isEmpty() ? "an address: nothing was asked for yet" : "$1 to $" + results.size());
    }
    return results.get(index - 1);
  }

  private long number(List<String> call, int at) {
    String text = call.get(at);
    String where = String.join(" ", call);
    if (isResult(text)) {
      return result(text, where);
    }
    try {
      return text.toLowerCase(Locale.ROOT).startsWith("0x")
          ? Long.parseUnsignedLong(text.substring(2), 16)
          : Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new InputException(
          "'" + text + "' is no number", where, "0x and up to 16 digits, decimal, or $1 or r1");
    }
  }
}
