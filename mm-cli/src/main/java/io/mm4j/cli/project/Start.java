// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.project;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a plugin of an SPI begins with: the sources of the simplest plugin of that SPI that mm4j
 * has, under names of the author's. The build copies them from their modules into the folder {@code
 * sources} of this package's resources, so that they are what the test kit judges in every build.
 *
 * @param spi the SPI
 * @param constant its name in {@link Spi}
 * @param plugin the name of the plugin that is copied
 * @param files its files, those of its own package first; {@code sub/Name.java} is one of a package
 *     below
 * @param packages their packages, by folder: the empty name is the plugin's own
 * @param classes its classes that get a name of the author's; {@code *} stands for the author's
 * @param compare how its result is looked at beside others, or an empty text
 */
public record Start(
    Spi<?> spi,
    String constant,
    String plugin,
    List<String> files,
    Map<String, String> packages,
    Map<String, String> classes,
    String compare) {
  private static final String PROVIDER = "*Provider";

  private static final List<Start> ALL =
      List.of(
          new Start(
              Spi.FRAME_ALLOCATOR,
              "FRAME_ALLOCATOR",
              "bitmap",
              List.of("BitmapFrameAllocator", "BitmapProvider", "FreeBits", "package-info"),
              Map.of("", "io.mm4j.buddy.bitmap"),
              Map.of("BitmapFrameAllocator", "*FrameAllocator", "BitmapProvider", PROVIDER),
              "run tar_gzip --compare frame-allocator=buddy,"),
          new Start(
              Spi.PAGE_ALLOCATOR,
              "PAGE_ALLOCATOR",
              "direct",
              List.of(
                  "DirectPageAllocator",
                  "DirectProvider",
                  "RangeTaker",
                  "Zonelists",
                  "package-info"),
              Map.of("", "io.mm4j.buddy.direct"),
              Map.of("DirectPageAllocator", "*PageAllocator", "DirectProvider", PROVIDER),
              "run tar_gzip --compare page-allocator=linux,"),
          new Start(
              Spi.SLAB,
              "SLAB",
              "page",
              List.of(
                  "PageCache",
                  "PageSlabAllocator",
                  "PageSlabProvider",
                  "package-info",
                  "base/ArgsCache",
                  "base/BaseCache",
                  "base/BaseCpu",
                  "base/CallerNames",
                  "base/CpuRequests",
                  "base/KmallocMaker",
                  "base/Krealloc",
                  "base/LargeBlocks",
                  "base/ReclaimedSlabs",
                  "base/SlabBase",
                  "base/package-info"),
              ordered("", "io.mm4j.slab.page", "base", "io.mm4j.slab.base"),
              Map.of(
                  "PageCache",
                  "*Cache",
                  "PageCpu",
                  "*Cpu",
                  "PageSlabAllocator",
                  "*SlabAllocator",
                  "PageSlabProvider",
                  PROVIDER),
              "run tar_gzip --compare slab=slub,"),
          new Start(
              Spi.VMALLOC,
              "VMALLOC",
              "vmlist",
              List.of("VmlistAllocator", "VmlistProvider", "package-info"),
              Map.of("", "io.mm4j.vmalloc.vmlist"),
              Map.of("VmlistAllocator", "*VmallocAllocator", "VmlistProvider", PROVIDER),
              ""),
          new Start(
              Spi.VMA_INDEX,
              "VMA_INDEX",
              "treemap",
              List.of(
                  "TreeMapVmaIndex",
                  "TreeMapVmaIndexProvider",
                  "package-info",
                  "index/VmaChecks",
                  "index/VmaTable",
                  "index/package-info"),
              ordered("", "io.mm4j.process.treemap", "index", "io.mm4j.process.index"),
              Map.of("TreeMapVmaIndex", "*VmaIndex", "TreeMapVmaIndexProvider", PROVIDER),
              ""));

  /** Every SPI for which there is something to begin with, in boot order. */
  public static List<Start> all() {
    return ALL;
  }

  /**
   * What a plugin of this SPI begins with.
   *
   * @param where the option that named it, for the message
   * @throws InputException if there is no such SPI, or nothing to begin with
   */
  public static Start of(String spi, String where) {
    List<String> names = ALL.stream().map(start -> start.spi.id()).toList();
    return ALL.stream()
        .filter(start -> start.spi.id().equals(spi))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    Spi.all().stream().anyMatch(s -> s.id().equals(spi))
                        ? "there is no small plugin of " + spi + " to begin with"
                        : "there is no SPI '" + spi + "'" + Nearest.hint(spi, names),
                    where,
                    String.join(", ", names)));
  }

  /** The provider's class, where {@code *} is the author's name. */
  String provider() {
    return classes.values().stream().filter(PROVIDER::equals).findFirst().orElseThrow();
  }

  /** The packages below the plugin's own. */
  List<String> folders() {
    List<String> folders = new ArrayList<>(packages.keySet());
    folders.remove("");
    return folders;
  }

  private static Map<String, String> ordered(String... pairs) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(pairs[i], pairs[i + 1]);
    }
    return map;
  }

  @Override
  public String toString() {
    return spi.id()
        + " from "
        + plugin
        + files.stream().collect(Collectors.joining(", ", " (", ")"));
  }
}
