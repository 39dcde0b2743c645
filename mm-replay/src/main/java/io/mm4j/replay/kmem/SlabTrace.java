// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * The events of {@code slab.txt.gz}, one at a time into the fields of this object. What the
 * operations mean is documented in docs/recordings.md.
 *
 * <ul>
 *   <li>{@code =C id name object_size slab_size}: a cache. 0 0: sizes are not known yet.
 *   <li>{@code =L id symbol}: a call site.
 *   <li>{@code dt cpu k obj bytes_req bytes_alloc gfp node site}: kmalloc.
 *   <li>{@code dt cpu K obj site}: kfree.
 *   <li>{@code dt cpu s obj cache gfp node accounted site}: kmem_cache_alloc.
 *   <li>{@code dt cpu S obj cache site}: kmem_cache_free.
 *   <li>{@code dt cpu ~ obj}: the object's life must have ended before.
 *   <li>{@code dt cpu m text}: START and STOP.
 * </ul>
 */
final class SlabTrace implements AutoCloseable {
  /** The file's name. */
  static final String FILE = "slab.txt.gz";

  private static final String HEADER = "#kmem-slab 1";
  private static final String T_FIRST = "#t_first ";
  private static final int MOST_OBJECTS = 1 << 28;
  private static final String ALLOWED = "one of the operations k K s S ~ m";

  private final ByteLines in;
  private int cpu;
  private int op;
  private int object;
  private long bytesReq;
  private long bytesAlloc;
  private int gfp;
  private int cacheId;
  private String name = "";

  private SlabTrace(ByteLines in) {
    this.in = in;
    try {
      if (!in.nextLine() || !in.rest().equals(HEADER)) {
        throw in.error("not the header", HEADER);
      }
      if (!in.nextLine() || !in.rest().startsWith(T_FIRST)) {
        throw in.error("not the second line of a trace", T_FIRST + "NS");
      }
    } catch (InputException e) {
      in.close();
      throw e;
    }
  }

  /** Opens the stream of a recording; null if it has none. */
  static @Nullable SlabTrace open(KmemSource source) {
    try {
      InputStream packed = source.open(FILE);
      return packed == null ? null : new SlabTrace(new ByteLines(source.where(FILE), packed));
    } catch (IOException e) {
      throw new InputException(
          "cannot open it: " + WhyNot.of(e), source.where(FILE), "a file that can be read");
    }
  }

  /** Reads the next event; false at the end. */
  boolean next() {
    while (in.nextLine()) {
      if (in.peek() == '=') {
        if (definition()) {
          return true;
        }
      } else {
        event();
        return true;
      }
    }
    return false;
  }

  /** A cache is told of as operation {@code C}; a call site is passed over. */
  private boolean definition() {
    String[] words = in.rest().split(" ", -1);
    if (words[0].equals("=L") && words.length >= 3) {
      return false;
    }
    boolean good =
        words[0].equals("=C")
            && words.length == 5
            && words[1].matches("[0-9]{1,9}")
            && words[3].matches("[0-9]{1,9}")
            && words[4].matches("[0-9]{1,9}");
    if (!good) {
      throw in.error("no definition", "=C ID NAME OBJECT_SIZE SLAB_SIZE, or =L ID SYMBOL");
    }
    op = 'C';
    cacheId = Integer.parseInt(words[1]);
    name = words[2];
    bytesReq = Long.parseLong(words[3]);
    bytesAlloc = Long.parseLong(words[4]);
    return true;
  }

  private void event() {
    long _ = in.decimal();
    in.blank();
    cpu = in.small(8191, "a CPU of 0 to 8191");
    boolean _ = in.take('w');
    in.blank();
    op = in.takeAny(ALLOWED);
    if ("kKsS~m".indexOf(op) < 0) {
      throw in.error("no operation", ALLOWED);
    }
    if (op == 'm') {
      in.skipLine();
      return;
    }
    in.blank();
    object = in.small(MOST_OBJECTS, "the number of an object");
    switch (op) {
      case 'k' -> {
        in.blank();
        bytesReq = in.decimal();
        in.blank();
        bytesAlloc = in.decimal();
        in.blank();
        gfp = (int) in.number(true);
        in.skipLine();
      }
      case 's' -> {
        in.blank();
        cacheId = in.small(1 << 20, "the number of a cache");
        in.blank();
        gfp = (int) in.number(true);
        in.skipLine();
      }
      case 'S' -> {
        in.blank();
        cacheId = in.small(1 << 20, "the number of a cache");
        in.skipLine();
      }
      case 'K' -> in.skipLine();
      default -> in.endLine();
    }
  }

  int cpu() {
    return cpu;
  }

  /** The operation's letter; {@code C} for a cache. */
  int op() {
    return op;
  }

  /** The object's number; 0 for one that is not known. */
  int object() {
    return object;
  }

  /** What was asked for; the object size of a cache. */
  long bytesReq() {
    return bytesReq;
  }

  /** What was given; the slab size of a cache. */
  long bytesAlloc() {
    return bytesAlloc;
  }

  int gfp() {
    return gfp;
  }

  int cacheId() {
    return cacheId;
  }

  /** The name of a cache. */
  String name() {
    return name;
  }

  /** The number of the line, from 1 on. */
  long line() {
    return in.line();
  }

  @Override
  public void close() {
    in.close();
  }
}
