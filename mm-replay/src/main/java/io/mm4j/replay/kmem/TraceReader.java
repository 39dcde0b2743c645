// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import java.util.Arrays;

/**
 * The events of {@code pages.txt.gz}, one at a time into the fields of this object; nothing is kept
 * and nothing is allocated per event. What the operations mean is documented in docs/recordings.md.
 *
 * <p>Vocabulary: the <i>core operations</i> change the set of free blocks. {@code z}, {@code E},
 * {@code Z} remove a block, {@code d}, {@code F}, {@code D} insert one; {@code Z} and {@code D}
 * were inferred by the recorder. The others tell what was requested.
 */
final class TraceReader implements AutoCloseable {
  private static final String HEADER = "#kmem-pages 1";
  private static final String T_FIRST = "#t_first ";
  private static final int MAX_CPU = 8191;
  private static final String ALLOWED_OP = "one of the operations a f g b F z d e E Z D x m";

  /** What an argument is; also what an error message says is allowed. */
  private enum Kind {
    PFN("a decimal frame number", (1L << 40) - 1),
    ORDER("an order of 0 to " + Pages.MAX_PAGE_ORDER, Pages.MAX_PAGE_ORDER),
    TYPE("a migratetype of 0 to " + (Migratetype.TYPES - 1), Migratetype.TYPES - 1),
    GFP("hexadecimal flags", 0xffff_ffffL),
    YES_NO("0 or 1", 1);

    final String allowed;
    final long max;

    Kind(String allowed, long max) {
      this.allowed = allowed;
      this.max = max;
    }
  }

  /** What no request can be both. */
  private static final int MOBILITY = Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE;

  private static final Kind[] NO_FRAME = {};

  /** The arguments of each operation, by its letter. */
  private static final Kind[][] SHAPES = shapes();

  private static final int FALLBACK_ORDER = 2;
  private static final int FALLBACK_TYPE = 4;
  private static final int CHANGES_OWNER = 5;

  private final ByteLines in;
  private final RecordedZones zones;
  private final long[] fields = new long[6];
  private long timeNs;
  private int cpu;
  private boolean workload;
  private int op;
  private int type;
  private int zone;
  private String marker = "";

  private static Kind[][] shapes() {
    Kind[][] shapes = new Kind['z' + 1][];
    Arrays.fill(shapes, NO_FRAME);
    shapes['a'] = new Kind[] {Kind.PFN, Kind.ORDER, Kind.GFP, Kind.TYPE};
    for (char op : new char[] {'f', 'g', 'F', 'Z', 'D'}) {
      shapes[op] = new Kind[] {Kind.PFN, Kind.ORDER};
    }
    shapes['b'] = new Kind[] {Kind.PFN};
    shapes['z'] = new Kind[] {Kind.PFN, Kind.ORDER, Kind.TYPE, Kind.YES_NO};
    shapes['d'] = new Kind[] {Kind.PFN, Kind.ORDER, Kind.TYPE};
    for (char op : new char[] {'e', 'E'}) {
      shapes[op] = new Kind[] {Kind.PFN, Kind.ORDER, Kind.ORDER, Kind.TYPE, Kind.TYPE, Kind.YES_NO};
    }
    return shapes;
  }

  TraceReader(KmemSource source, RecordedZones zones) {
    this.in = new ByteLines(source, KmemSource.PAGES);
    this.zones = zones;
    try {
      readHeader();
    } catch (InputException e) {
      in.close();
      throw e;
    }
  }

  private void readHeader() {
    if (!in.nextLine()) {
      throw new InputException(
          "the file is empty", in.where(), "a trace that begins with " + HEADER);
    }
    if (!in.rest().equals(HEADER)) {
      throw in.error("not the header", HEADER);
    }
    if (!in.nextLine()) {
      throw new InputException("the file ends after its header", in.where(), T_FIRST + "NS");
    }
    String line = in.rest();
    if (!line.startsWith(T_FIRST)) {
      throw in.error("not the second line of a trace", T_FIRST + "NS");
    }
    int end = line.indexOf(' ', T_FIRST.length());
    String number = line.substring(T_FIRST.length(), end < 0 ? line.length() : end);
    if (!number.matches("-?[0-9]{1,18}")) {
      throw in.error("no time", "nanoseconds, a decimal number");
    }
    timeNs = Long.parseLong(number);
  }

  /**
   * Reads the next event.
   *
   * @return false at the end of the trace
   * @throws InputException a line that is no event
   */
  boolean next() {
    ByteLines line = in;
    if (!line.nextLine()) {
      return false;
    }
    timeNs += line.decimal();
    line.blank();
    cpu = line.small(MAX_CPU, "a CPU of 0 to " + MAX_CPU);
    workload = line.take('w');
    line.blank();
    op = line.takeAny(ALLOWED_OP);
    Kind[] shape = op >= 0 && op < SHAPES.length ? SHAPES[op] : NO_FRAME;
    if (shape.length == 0) {
      other();
      return true;
    }
    // One loop for all operations keeps this method small, and so cheap to compile.
    for (int i = 0; i < shape.length; i++) {
      Kind kind = shape[i];
      line.blank();
      long value = line.number(kind == Kind.GFP);
      fields[i] = value;
      if (value < 0 || value > kind.max || (kind == Kind.GFP && bothMobilities(value))) {
        check(i, kind);
      }
      if (kind == Kind.TYPE && i <= 3) {
        type = (int) value;
      }
    }
    line.endLine();
    locate();
    return true;
  }

  private static boolean bothMobilities(long gfp) {
    return (gfp & MOBILITY) == MOBILITY;
  }

  /** A request that failed has no frame, and perhaps an order that no block has. */
  private void check(int i, Kind kind) {
    long value = fields[i];
    boolean failed = op == 'a' && fields[0] < 0;
    if (failed && (kind == Kind.PFN || (kind == Kind.ORDER && value > 0 && value < 64))) {
      return;
    }
    if (kind == Kind.GFP) {
      throw in.argumentError(
          "gfp=" + Long.toHexString(value) + " is movable and reclaimable at once",
          "flags with at most one of __GFP_MOVABLE (8) and __GFP_RECLAIMABLE (10)");
    }
    throw in.argumentError("argument " + (i + 1) + " is " + value, kind.allowed);
  }

  private void locate() {
    long pfn = fields[0];
    zone = zones.indexOf(pfn);
    if (zone < 0 && pfn >= 0) {
      throw in.error("pfn " + pfn + " lies in no zone", "frames of " + zones.ranges());
    }
  }

  private void other() {
    if (op != 'm' && op != 'x') {
      throw in.error("'" + (char) (op & 0xff) + "' is no operation", ALLOWED_OP);
    }
    in.blank();
    if (op == 'm') {
      marker = in.rest();
    } else {
      in.skipLine();
    }
  }

  /** Whether the event takes a block out of the free blocks. */
  static boolean removes(int op) {
    return op == 'z' || op == 'E' || op == 'Z';
  }

  /** Whether the event puts a block into the free blocks. */
  static boolean inserts(int op) {
    return op == 'd' || op == 'F' || op == 'D';
  }

  /** Nanoseconds since the workload's start; negative before it. */
  long timeNs() {
    return timeNs;
  }

  int cpu() {
    return cpu;
  }

  /** Whether the task of the event belongs to the workload. */
  boolean workload() {
    return workload;
  }

  /** The operation's letter. */
  int op() {
    return op;
  }

  /** The first frame, or -1 for a request that failed. */
  long pfn() {
    return fields[0];
  }

  /** The block's order; of {@code e} and {@code E} that of the request. Not of {@code b}. */
  int order() {
    return (int) fields[1];
  }

  /** The migratetype: of {@code e} and {@code E} that of the request; of F, Z, D none. */
  int type() {
    return type;
  }

  /** Of {@code a}. */
  int gfp() {
    return (int) fields[2];
  }

  /** Of {@code e} and {@code E}. */
  int fallbackOrder() {
    return (int) fields[FALLBACK_ORDER];
  }

  /** Of {@code e} and {@code E}. */
  int fallbackType() {
    return (int) fields[FALLBACK_TYPE];
  }

  /** Of {@code e} and {@code E}: whether the pageblock changes its type. */
  boolean changesOwner() {
    return fields[CHANGES_OWNER] == 1;
  }

  /** The index of the zone that holds the frame. */
  int zone() {
    return zone;
  }

  /** The text of the last {@code m}. */
  String marker() {
    return marker;
  }

  /** Number of the line. */
  long line() {
    return in.line();
  }

  /** The line's text. */
  String text() {
    return in.lineText();
  }

  /** The line's place. */
  String where() {
    return in.where();
  }

  /** An error about the event. */
  InputException error(String what, String allowed) {
    return in.error(what, allowed);
  }

  @Override
  public void close() {
    in.close();
  }
}
