// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider.Capabilities;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The files of a machine of which a real kernel wrote /proc: the same bytes. */
class ZoneFilesTest {
  private static final KernelSettings SETTINGS =
      new KernelSettings(io.mm4j.api.memory.Architecture.X86_64, 50, 0);
  private static final MemoryMap MAP = MemoryMap.pc(24L << 30);

  private static String recorded(String name) throws IOException {
    try (InputStream in = ZoneFilesTest.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  private static List<String> words(String line) {
    return List.of(line.strip().split("\\s+", -1));
  }

  /** An allocator that only has counts, by migratetype and order. */
  private static FrameAllocator counts(long[][] blocks) {
    return (FrameAllocator)
        Proxy.newProxyInstance(
            ZoneFilesTest.class.getClassLoader(),
            new Class<?>[] {FrameAllocator.class},
            (proxy, method, args) -> {
              int order = (int) args[0];
              if (args.length == 2) {
                return blocks[(int) args[1]][order];
              }
              long sum = 0;
              for (long[] ofType : blocks) {
                sum += ofType[order];
              }
              return sum;
            });
  }

  private static MachineView view(String pagetypeinfo) {
    List<String> free =
        pagetypeinfo.lines().filter(l -> l.contains(", type ") && l.startsWith("Node ")).toList();
    List<String> types =
        pagetypeinfo.lines().filter(l -> !l.contains(", type ") && l.startsWith("Node ")).toList();
    Capabilities can = new Capabilities(true, true, true, false, 10, 1L << 40);
    List<ManagedZone> zones = new ArrayList<>();
    for (Zone zone : ZoneLayouts.x86_64(MAP).zones()) {
      int z = zones.size();
      long[][] blocks = new long[Migratetype.TYPES][];
      for (int type = 0; type < blocks.length; type++) {
        List<String> words = words(free.get(z * blocks.length + type));
        blocks[type] = new long[ZoneFiles.ORDERS];
        for (int order = 0; order < ZoneFiles.ORDERS; order++) {
          blocks[type][order] = Long.parseLong(words.get(6 + order));
        }
      }
      List<String> words = words(types.get(z));
      long pfn = zone.startPfn();
      for (int type = 0; type < Migratetype.TYPES; type++) {
        for (int i = Integer.parseInt(words.get(4 + type)); i > 0; i--) {
          zone.pageblocks().set(pfn, type);
          pfn += 512;
        }
      }
      zones.add(new ManagedZone(zone, counts(blocks), can));
    }
    return new MachineView(
        MAP,
        zones,
        Optional.empty(),
        2,
        0,
        SETTINGS,
        null,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  @Test
  void buddyinfoIsTheKernelsByteForByte() throws IOException {
    MachineView view = view(recorded("pagetypeinfo.txt"));
    assertEquals(recorded("buddyinfo.txt"), ZoneFiles.buddyinfo(view));
  }

  @Test
  void pagetypeinfoIsTheKernelsByteForByte() throws IOException {
    String text = recorded("pagetypeinfo.txt");
    assertEquals(text, ZoneFiles.pagetypeinfo(view(text)));
  }

  @Test
  void indicesHaveThreeDecimals() throws IOException {
    MachineView view = view(recorded("pagetypeinfo.txt"));
    assertEquals(
        "Node 0, zone      DMA 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.066 0.200 ",
        ZoneFiles.unusableIndex(view).lines().findFirst().orElse(""));
    String extfrag = ZoneFiles.extfragIndex(view).lines().findFirst().orElse("");
    assertEquals("Node 0, zone      DMA " + "-1.000 ".repeat(11), extfrag);
  }
}
