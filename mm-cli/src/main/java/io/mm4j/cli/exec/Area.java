// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ElfImage.Segment;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.VmaInfo;
import java.util.ArrayList;
import java.util.List;

/**
 * An area of a process, by the byte: areas do not end where pages do.
 *
 * @param name code, data, bss, heap, stack, or what else is there
 * @param start first address
 * @param end one past the last
 * @param what what makes it
 */
public record Area(String name, long start, long end, String what) {
  /** Whether an address is in it. */
  public boolean contains(long addr) {
    return Long.compareUnsigned(addr, start) >= 0 && Long.compareUnsigned(addr, end) < 0;
  }

  /** Size in bytes. */
  public long bytes() {
    return end - start;
  }

  /**
   * The areas of a process by address, those of the program first by their bytes, the others by
   * their VMAs; the kernel's at the end.
   */
  public static List<Area> of(AddressSpace mm, ElfImage image, String program, long taskSize) {
    MmFields.Places places = mm.fields().places();
    long bias = bias(image, places);
    List<Area> areas = new ArrayList<>();
    long programEnd = 0;
    for (Segment segment : image.segments()) {
      if (segment.isLoad()) {
        long start = bias + segment.vaddr();
        long file = start + segment.fileBytes();
        long end = start + segment.memoryBytes();
        programEnd = Long.compareUnsigned(end, programEnd) > 0 ? end : programEnd;
        String name = name(segment);
        add(areas, name, start, file, "PT_LOAD " + flags(segment) + ", from the file");
        add(areas, "bss", file, end, "PT_LOAD, p_memsz beyond p_filesz: zeroes");
      }
    }
    add(areas, "heap", places.startBrk(), places.brk(), "start_brk to brk, grows by brk");
    mm.forEachVma(vma -> ofVma(areas, vma, program));
    areas.add(
        new Area(
            "kernel", taskSize, image.is64() ? -1 : 1L << 32, "above TASK_SIZE: no user page"));
    areas.sort((a, b) -> Long.compareUnsigned(a.start(), b.start()));
    return areas;
  }

  private static void add(List<Area> areas, String name, long start, long end, String what) {
    if (Long.compareUnsigned(start, end) < 0) {
      areas.add(new Area(name, start, end, what));
    }
  }

  private static void ofVma(List<Area> areas, VmaInfo vma, String program) {
    if (vma.name().equals(program) || vma.name().equals("[heap]") || vma.start() < 0) {
      return;
    }
    boolean known = areas.stream().anyMatch(a -> a.start() < vma.end() && a.end() > vma.start());
    if (known && vma.file() == null && vma.name().isEmpty()) {
      return; // bss
    }
    String name =
        switch (vma.name()) {
          case "" -> "mmap";
          case "[stack]" -> "stack";
          case "[vdso]", "[vvar]", "[vvar_vclock]" -> vma.name().replaceAll("[\\[\\]]", "");
          default -> vma.name().substring(vma.name().lastIndexOf('/') + 1);
        };
    String what =
        switch (name) {
          case "stack" -> "grows down by page faults";
          case "mmap" -> "anonymous memory";
          case "vdso", "vvar", "vvar_vclock" -> "the kernel's, for clocks and system calls";
          default -> vma.perms();
        };
    areas.add(new Area(name, vma.start(), vma.end(), what));
  }

  /** What was added to every address of the file. */
  static long bias(ElfImage image, MmFields.Places places) {
    long last = 0;
    for (Segment segment : image.segments()) {
      if (segment.isLoad() && Long.compareUnsigned(segment.vaddr(), last) > 0) {
        last = segment.vaddr();
      }
    }
    return places.startData() - last;
  }

  private static String name(Segment segment) {
    if ((segment.flags() & ElfImage.PF_X) != 0) {
      return "code";
    }
    return (segment.flags() & ElfImage.PF_W) != 0 ? "data" : "constants";
  }

  private static String flags(Segment segment) {
    return ((segment.flags() & ElfImage.PF_R) != 0 ? "R" : "-")
        + ((segment.flags() & ElfImage.PF_W) != 0 ? "W" : "-")
        + ((segment.flags() & ElfImage.PF_X) != 0 ? "E" : "-");
  }

  /** The areas that an address is in: none for a hole. */
  public static List<Area> at(List<Area> areas, long addr) {
    return areas.stream().filter(a -> a.contains(addr)).toList();
  }
}
