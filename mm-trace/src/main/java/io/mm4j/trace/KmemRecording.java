// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.PageAllocator;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPOutputStream;
import org.apiguardian.api.API;

/**
 * A recording in the form of docs/recordings.md: what the page allocator was asked for, and every
 * block that left the free blocks of a zone or came to them, from the first one that boot frees to
 * the last. The free blocks before are none, those after are what the plugin says at the end, so
 * that {@code mm replay} judges the whole life of a machine.
 *
 * <p>Blocks are seen at the SPI {@code frame-allocator}: {@code z} is whatever took a block, {@code
 * d} whatever gave one back, whether the kernel has a tracepoint there or not. Migratetypes are
 * those of the call. Nothing is inferred. The time is a count of events, in nanoseconds.
 *
 * <p>A second machine gets a folder of its own: {@code FOLDER-2}. Threads: any.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class KmemRecording implements TraceSink {
  private static final int ORDERS = 11;
  private static final int HUGE_ORDER = 9;
  private static final int PCP_ORDERS = 4;
  private static final int PCP_TYPES = 3;

  private final Path folder;
  private final String command;
  private final List<Part> parts = new ArrayList<>();

  /** One machine. */
  private final class Part implements TraceSink {
    private final Path place;
    private final Writer lines;
    private final List<Zone> zones = new ArrayList<>();
    private final List<FrameAllocator> frames = new ArrayList<>();
    private int lastCpu;

    Part(Path place) throws IOException {
      this.place = place;
      Files.createDirectories(place.resolve("snap"));
      lines = gzip(place.resolve("pages.txt.gz"));
      lines.write("#kmem-pages 1\n#t_first 0\n");
      snapshot("SNAP0");
      line(0, "m START");
    }

    private void line(int cpu, String text) throws IOException {
      lines.write("1 " + cpu + "w " + text + "\n");
    }

    private void snapshot(String name) throws IOException {
      for (String marker : List.of("begin 1", "B0", "B1", "B2", "B3", "end 1")) {
        line(0, "m " + (marker.startsWith("B") ? marker : name + " " + marker));
      }
    }

    private void write(String text) {
      try {
        line(lastCpu, text);
      } catch (IOException e) {
        throw failed(e);
      }
    }

    @Override
    public synchronized void zoneCreated(Zone zone, FrameAllocator allocator) {
      zones.add(zone);
      frames.add(allocator);
    }

    @Override
    public synchronized void blockTaken(Zone zone, long pfn, int order, int migratetype) {
      boolean refill = (order < PCP_ORDERS || order == HUGE_ORDER) && migratetype < PCP_TYPES;
      write("z " + pfn + " " + order + " " + migratetype + (refill ? " 1" : " 0"));
    }

    @Override
    public synchronized void blockFreed(Zone zone, long pfn, int order, int migratetype) {
      write("d " + pfn + " " + order + " " + migratetype);
    }

    @Override
    public synchronized void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
      lastCpu = cpu.id();
      String block = pfn == PageAllocator.NO_PAGE ? "-" : Long.toString(pfn);
      write("a " + block + " " + order + " " + Integer.toHexString(gfp) + " " + migratetype);
    }

    @Override
    public synchronized void free(Cpu cpu, long pfn, int order) {
      lastCpu = cpu.id();
      write("f " + pfn + " " + order);
    }
  }

  /**
   * A recording into a folder that is empty or not there.
   *
   * @param command what was run, for {@code meta.txt}
   * @throws InputException if something is in the folder
   */
  public KmemRecording(Path folder, String command) {
    this.folder = folder;
    this.command = command;
    if (Files.exists(folder.resolve("pages.txt.gz"))) {
      throw new InputException(
          "there is a recording in it", "the folder " + folder, "a folder without one");
    }
  }

  private static Writer gzip(Path file) throws IOException {
    OutputStream out = new GZIPOutputStream(new BufferedOutputStream(Files.newOutputStream(file)));
    return new OutputStreamWriter(out, StandardCharsets.ISO_8859_1);
  }

  private InputException failed(IOException e) {
    return new InputException(
        "the recording cannot be written: " + WhyNot.of(e),
        "the folder " + folder,
        "a folder that can be written");
  }

  @Override
  public synchronized TraceSink machine() {
    String number = parts.isEmpty() ? "" : "-" + (parts.size() + 1);
    try {
      Part part = new Part(folder.resolveSibling(folder.getFileName() + number));
      parts.add(part);
      return part;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** Takes the free blocks as they are now and completes the recordings. */
  @Override
  public synchronized void close() {
    try {
      for (Part part : parts) {
        finish(part);
      }
    } catch (IOException e) {
      throw failed(e);
    }
    parts.clear();
  }

  private void finish(Part part) throws IOException {
    part.line(0, "m STOP");
    part.snapshot("SNAP1");
    part.lines.close();
    Path snap = part.place.resolve("snap");
    String zoneinfo = zoneinfo(part);
    for (String when : List.of("before", "after")) {
      boolean after = when.equals("after");
      Files.writeString(snap.resolve("zoneinfo." + when), zoneinfo);
      for (String name : List.of("buddyinfo.", "buddyinfo2.")) {
        Files.writeString(snap.resolve(name + when), buddyinfo(part, after));
      }
      try (Writer blocks = gzip(part.place.resolve("freeblocks." + when + ".txt.gz"))) {
        for (int i = 0; i < part.zones.size(); i++) {
          blocks.write("zone " + part.zones.get(i).type().procName() + "\n");
          if (after) {
            part.frames.get(i).forEachFree((pfn, order, type) -> block(blocks, pfn, order));
          }
        }
      }
    }
    Files.writeString(
        part.place.resolve("meta.txt"),
        "cmd=" + command.replace('\n', ' ') + "\nrecorder=mm-trace\ncut=0\n");
  }

  private static void block(Writer out, long pfn, int order) {
    try {
      out.write(pfn + " " + order + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String buddyinfo(Part part, boolean after) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < part.zones.size(); i++) {
      Zone zone = part.zones.get(i);
      out.append(
          String.format(Locale.ROOT, "Node %d, zone %8s ", zone.nodeId(), zone.type().procName()));
      for (int order = 0; order < ORDERS; order++) {
        long blocks = after ? part.frames.get(i).freeBlocks(order) : 0;
        out.append(String.format(Locale.ROOT, "%6d ", blocks));
      }
      out.append('\n');
    }
    return out.toString();
  }

  private static String zoneinfo(Part part) {
    StringBuilder out = new StringBuilder();
    for (Zone zone : part.zones) {
      out.append(
          String.format(
              Locale.ROOT,
              "Node %d, zone %8s%n        spanned  %d%n        present  %d%n        managed  %d%n"
                  + "  start_pfn:           %d%n",
              zone.nodeId(),
              zone.type().procName(),
              zone.spannedPages(),
              zone.presentPages(),
              zone.managedPages(),
              zone.startPfn()));
    }
    return out.toString();
  }
}
