// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;

/** What all processes of a model share: bytes of files, and memory that was promised. */
public final class NaiveMachine {
  /** Pages that are read with one that is not in the cache. */
  private static final long AROUND = 32;

  private final Map<MappedFile, NavigableSet<Long>> absent = new HashMap<>();

  /** Every page of the kit's files is told by its first bytes. */
  static int original(MappedFile file, long page) {
    MappedFile.Content content = file.content();
    return content == null ? 0 : content.byteAt(page * Bits.PAGE);
  }

  /** All processes that live. */
  final List<NaiveSpace> spaces = new ArrayList<>();

  private final Map<MappedFile, Map<Long, Integer>> written = new HashMap<>();

  /** Shared anonymous memory that was charged when it was made, and its pages. */
  private final Map<OpenFile, Long> charged = new HashMap<>();

  void chargeShared(OpenFile object, long pages) {
    charged.put(object, pages);
  }

  /** The byte of a file's page now. */
  int byteOf(MappedFile file, long page) {
    Integer value = written.getOrDefault(file, Map.of()).get(page);
    return value == null ? original(file, page) : value;
  }

  void write(MappedFile file, long page, int value) {
    written.computeIfAbsent(file, f -> new HashMap<>()).put(page, value);
  }

  /** Takes pages out of a file: they are zero, and not in the cache until they are read. */
  void punch(MappedFile file, long from, long to) {
    long past = Math.min(to, Bits.align(file.sizeBytes()) / Bits.PAGE);
    for (long page = from; page < past; page++) {
      if (file.kind() == MappedFile.Kind.SHMEM) {
        written.getOrDefault(file, new HashMap<>()).remove(page);
      } else {
        write(file, page, 0);
        absent.computeIfAbsent(file, f -> new TreeSet<>()).add(page);
      }
    }
  }

  /** Reads a page into the cache if it is not there; of a file on disk those around it, too. */
  void readIn(MappedFile file, long page, boolean around) {
    NavigableSet<Long> gone = absent.get(file);
    if (gone == null || !gone.contains(page)) {
      return;
    }
    if (around && file.kind() == MappedFile.Kind.EXT4) {
      long from = Math.max(0, page - AROUND / 2);
      gone.subSet(from, from + AROUND).clear();
    } else {
      gone.remove(page);
    }
  }

  /** A page of shared anonymous memory exists from its first touch on. */
  void touch(MappedFile file, long page) {
    written
        .computeIfAbsent(file, f -> new HashMap<>())
        .computeIfAbsent(page, i -> original(file, i));
  }

  /** Whether a page is in the page cache: all pages of files are, those of memory when touched. */
  boolean isCached(MappedFile file, long page) {
    if (page * Bits.PAGE >= file.sizeBytes()) {
      return false;
    }
    NavigableSet<Long> gone = absent.get(file);
    if (gone != null && gone.contains(page)) {
      return false;
    }
    return file.kind() != MappedFile.Kind.SHMEM
        || written.getOrDefault(file, Map.of()).containsKey(page);
  }

  /** Pages that were promised to all processes; {@code Committed_AS}. */
  public long committedPages() {
    long sum = 0;
    for (NaiveSpace space : spaces) {
      sum += space.committedPages();
    }
    for (Map.Entry<OpenFile, Long> object : charged.entrySet()) {
      boolean alive = spaces.stream().anyMatch(s -> s.areas.maps(object.getKey()));
      sum += alive ? object.getValue() : 0;
    }
    return sum;
  }
}
