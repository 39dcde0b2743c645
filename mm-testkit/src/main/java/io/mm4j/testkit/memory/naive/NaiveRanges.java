// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Ranges of bytes with a node and flags, as a list that every change makes anew. */
public final class NaiveRanges {
  /**
   * One range.
   *
   * @param start first byte
   * @param end one past the last
   * @param node its node, -1 if that is not known
   * @param flags as given
   */
  public record Piece(long start, long end, int node, int flags) {
    private boolean sameKind(Piece other) {
      return node == other.node && flags == other.flags;
    }
  }

  /** Writes zeroes over a range of RAM. */
  @FunctionalInterface
  public interface Clearer {
    /** Clears. */
    void clear(long start, long bytes);
  }

  private List<Piece> pieces = List.of();

  /** Ascending, without overlap; neighbours of one kind are one. */
  public List<Piece> pieces() {
    return pieces;
  }

  static long end(long start, long bytes) {
    return Long.MAX_VALUE - bytes < start ? Long.MAX_VALUE : start + bytes;
  }

  /** Adds what is not covered yet. */
  public void add(long start, long end, int node, int flags) {
    List<Piece> more = new ArrayList<>(pieces);
    more.addAll(without(List.of(new Piece(start, end, node, flags)), pieces));
    set(more);
  }

  /** Takes a range out. */
  public void remove(long start, long end) {
    set(without(pieces, List.of(new Piece(start, end, 0, 0))));
  }

  /** Gives what is covered of a range to a node. */
  public void setNode(long start, long end, int node) {
    List<Piece> more = without(pieces, List.of(new Piece(start, end, 0, 0)));
    for (Piece piece : pieces) {
      long from = Math.max(start, piece.start);
      long to = Math.min(end, piece.end);
      if (from < to) {
        more.add(new Piece(from, to, node, piece.flags));
      }
    }
    set(more);
  }

  /** Cuts every range to whole units. */
  public void trim(long unit) {
    List<Piece> more = new ArrayList<>();
    for (Piece piece : pieces) {
      long from = -Math.floorDiv(-piece.start, unit) * unit;
      long to = Math.floorDiv(piece.end, unit) * unit;
      if (from < to) {
        more.add(new Piece(from, to, piece.node, piece.flags));
      }
    }
    set(more);
  }

  /** What these ranges have that those others do not cover. */
  static List<Piece> without(List<Piece> these, List<Piece> others) {
    List<Piece> rest = new ArrayList<>(these);
    for (Piece other : others) {
      List<Piece> next = new ArrayList<>();
      for (Piece piece : rest) {
        if (other.start >= other.end || other.end <= piece.start || piece.end <= other.start) {
          next.add(piece);
          continue;
        }
        if (piece.start < other.start) {
          next.add(new Piece(piece.start, other.start, piece.node, piece.flags));
        }
        if (other.end < piece.end) {
          next.add(new Piece(other.end, piece.end, piece.node, piece.flags));
        }
      }
      rest = next;
    }
    return rest;
  }

  private void set(List<Piece> all) {
    List<Piece> sorted = new ArrayList<>(all);
    sorted.removeIf(piece -> piece.start >= piece.end);
    sorted.sort(Comparator.comparingLong(Piece::start));
    List<Piece> joined = new ArrayList<>();
    for (Piece piece : sorted) {
      Piece last = joined.isEmpty() ? null : joined.getLast();
      if (last != null && last.end == piece.start && last.sameKind(piece)) {
        joined.set(joined.size() - 1, new Piece(last.start, piece.end, piece.node, piece.flags));
      } else {
        joined.add(piece);
      }
    }
    pieces = joined;
  }
}
