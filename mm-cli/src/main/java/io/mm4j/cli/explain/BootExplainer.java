// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.RangeBootAllocator;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.MemblockFiles;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Explains how a machine comes to its memory: the firmware's map, the parameters that change it,
 * nodes and zones, what the boot allocator is asked for, and what goes to the zones in the end.
 */
public final class BootExplainer {
  /** The operation. */
  public static final String OPERATION = "boot";

  /** How it is typed, with what early code may do before memory is handed over. */
  public static final String FORM =
      "boot [; memblock_reserve START SIZE] [; memblock_phys_free START SIZE]"
          + " [; memblock_alloc SIZE [ALIGN [MIN [MAX [NODE]]]]]";

  private final List<List<String>> calls;
  private final List<Step> steps = new ArrayList<>();

  /** What the steps of the boot allocator are called. */
  private String allocator = "memblock";

  /**
   * Reads what was typed.
   *
   * @param calls {@code boot}, and calls of the boot allocator
   * @throws InputException if they are wrong
   */
  public BootExplainer(List<List<String>> calls) {
    if (calls.getFirst().size() > 1) {
      throw new InputException(
          "boot takes no arguments",
          "mm explain " + String.join(" ", calls.getFirst()),
          "a map with --machine FILE, parameters with --cmdline '...'; " + FORM);
    }
    this.calls = List.copyOf(calls.subList(1, calls.size()));
    this.calls.forEach(BootExplainer::check);
  }

  private static InputException wrong(String what) {
    return new InputException(what, "mm explain boot", FORM);
  }

  private static void check(List<String> call) {
    int given = call.size() - 1;
    switch (call.getFirst()) {
      case "memblock_reserve", "memblock_phys_free" -> {
        if (given != 2) {
          throw wrong(call.getFirst() + " takes 2 arguments, not " + given);
        }
        address(call, 1);
        size(call, 2);
      }
      case "memblock_alloc" -> {
        if (given < 1 || given > 5) {
          throw wrong("memblock_alloc takes 1 to 5 arguments, not " + given);
        }
        size(call, 1);
        long align = address(call, 2);
        if (Long.bitCount(align) > 1) {
          throw new InputException(
              "'" + call.get(2) + "' is no alignment", call.getFirst(), "powers of two, or 0");
        }
        address(call, 3);
        address(call, 4);
        node(call);
      }
      default -> throw wrong("'" + call.getFirst() + "' does not go with boot");
    }
  }

  private static long size(List<String> call, int at) {
    return Sizes.parseSize(call.get(at), call.getFirst());
  }

  /** An address, or 0 if it was not given. */
  private static long address(List<String> call, int at) {
    return at >= call.size() || call.get(at).matches("0|0[xX]0+")
        ? 0
        : Sizes.parseSize(call.get(at), call.getFirst());
  }

  private static int node(List<String> call) {
    if (call.size() < 6) {
      return BootAllocator.ANY_NODE;
    }
    long node = Sizes.parseNumber(call.get(5), call.getFirst());
    if (node > 1023) {
      throw new InputException("there is no node " + node, call.getFirst(), "0 to 1023");
    }
    return (int) node;
  }

  /**
   * Boots the machine and tells what happens.
   *
   * @param processes whether there is what processes need: their floor may take memory at boot
   */
  public Explanation explain(MachineConfig config, boolean processes) {
    config.watchBoot(new Teller());
    List<String> answers = new ArrayList<>();
    for (List<String> call : calls) {
      config.duringBoot(boot -> answers.add(run(boot, call)));
    }
    try (Machine machine = config.contents(processes ? Contents.TABLES : Contents.NONE).boot()) {
      return explanation(machine, answers);
    }
  }

  private String run(BootAllocator boot, List<String> call) {
    switch (call.getFirst()) {
      case "memblock_reserve" -> boot.reserve(address(call, 1), size(call, 2));
      case "memblock_phys_free" -> boot.free(address(call, 1), size(call, 2));
      default -> {
        long found =
            boot.alloc(
                size(call, 1), address(call, 2), address(call, 3), address(call, 4), node(call));
        return String.join(" ", call) + (found < 0 ? " = no place" : " = " + hex(found));
      }
    }
    return String.join(" ", call);
  }

  private Explanation explanation(Machine machine, List<String> answers) {
    List<Change> changes = new ArrayList<>();
    if (machine.memory().bootAllocator() instanceof RangeBootAllocator ranges) {
      changes.add(
          new Change(
              "memblock.memory",
              "memory",
              List.of(),
              MemblockFiles.memory(ranges, machine.architecture())));
      changes.add(
          new Change(
              "memblock.reserved",
              "reserved",
              List.of(),
              MemblockFiles.reserved(ranges, machine.architecture())));
    }
    changes.add(
        new Change(
            "free blocks by order, 0 to 10",
            "free_blocks",
            List.of(),
            PageExplainer.blocks(machine)));
    long managed = machine.layout().zones().stream().mapToLong(Zone::managedPages).sum();
    Map<String, String> arguments = new LinkedHashMap<>();
    arguments.put("architecture", machine.architecture().id());
    for (int i = 0; i < answers.size(); i++) {
      arguments.put("call" + (i + 1), answers.get(i));
    }
    return new Explanation(
        "boot of " + machine.architecture().id() + ", memory from the firmware's map to the zones",
        arguments,
        steps,
        String.format(
            Locale.ROOT,
            "%d pages (%s) in %d zones",
            managed,
            kib(managed),
            machine.layout().zones().size()),
        null,
        changes.stream().filter(c -> !c.added().isEmpty()).toList());
  }

  private static String kib(long pages) {
    return Sizes.format(pages << Pages.PAGE_SHIFT);
  }

  private static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }

  /** Notes the steps as they come. */
  private final class Teller implements BootEvents {
    @SuppressWarnings("AnnotateFormatMethod") // a shorthand for the events below
    private void note(String topic, String form, Object... values) {
      steps.add(new Step(topic, String.format(Locale.ROOT, form, values)));
    }

    @Override
    public void firmware(MemoryMap map) {
      for (MemoryMap.Range range : map.ranges()) {
        note(
            "e820",
            "[mem 0x%016x-0x%016x] %s",
            range.start(),
            range.end() - 1,
            range.type().name().toLowerCase(Locale.ROOT).replace('_', ' '));
      }
      long usable = map.usableBytes();
      String unit = usable % 1024 == 0 ? "" : " bytes";
      note("e820", "%s%s of it is usable RAM", Sizes.format(usable), unit);
    }

    @Override
    public void mapChanged(String why, MemoryMap map) {
      note("cmdline", "%s: %s of RAM are left", why, Sizes.format(map.usableBytes()));
    }

    @Override
    public void zones(String why, MemoryLayout layout) {
      note("zones", "%s", why);
      for (Zone zone : layout.zones()) {
        note(
            "zones",
            "%s: %s, pfn %d to %d, %d pages present of %d spanned",
            zone,
            meaning(zone),
            zone.startPfn(),
            zone.endPfn() - 1,
            zone.presentPages(),
            zone.spannedPages());
      }
    }

    private String meaning(Zone zone) {
      return switch (zone.type()) {
        case DMA -> "below 16 MiB, for ISA devices";
        case DMA32 -> "below 4 GiB, for 32-bit devices";
        case NORMAL -> "what the kernel uses without limits";
        case HIGHMEM -> "beyond what the kernel has mapped";
        case MOVABLE -> "for what can be moved";
        case DEVICE -> "of devices";
      };
    }

    @Override
    public void ready(BootAllocator boot) {
      if (boot instanceof RangeBootAllocator ranges) {
        ranges.forEachMemory(
            (start, end, node, flags) ->
                note(
                    allocator,
                    "memblock_add: 0x%x-0x%x on node %d, RAM in whole pages, without page 0",
                    start,
                    end - 1,
                    node));
      } else {
        allocator = "bootmem";
        note(allocator, "a bit for each page: all are in use but those that are RAM as a whole");
      }
    }

    @Override
    public void step(String text) {
      steps.add(new Step(allocator, text));
    }

    @Override
    public void handedOver(Zone zone, long startPfn, long endPfn) {
      int[] blocks = new int[Pages.MAX_PAGE_ORDER + 1];
      for (long pfn = startPfn; pfn < endPfn; ) {
        int order = Math.min(Pages.MAX_PAGE_ORDER, Long.numberOfTrailingZeros(pfn));
        while (pfn + (1L << order) > endPfn) {
          order--;
        }
        blocks[order]++;
        pfn += 1L << order;
      }
      StringBuilder list = new StringBuilder();
      for (int order = 0; order < blocks.length; order++) {
        if (blocks[order] > 0) {
          list.append(list.isEmpty() ? "" : ", ").append(order).append(": ").append(blocks[order]);
        }
      }
      note(
          "free",
          "%s gets pfn %d to %d, %d pages that nobody has reserved, as largest aligned blocks;"
              + " order: blocks = %s",
          zone,
          startPfn,
          endPfn - 1,
          endPfn - startPfn,
          list);
    }
  }
}
