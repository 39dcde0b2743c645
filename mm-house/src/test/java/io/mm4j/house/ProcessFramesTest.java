// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.pagetable.TableCursor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What a process has is in frames: no type of mm-process holds the bytes of a page or an entry of a
 * page table anywhere but in RAM. Bytes are reached by one type, entries by five.
 */
class ProcessFramesTest {
  private static final String PAGE = "io.mm4j.process.page.";

  /** Rows of numbers that are neither bytes of pages nor entries, and what they are. */
  private static final Map<String, String> ROWS =
      Map.ofEntries(
          Map.entry(PAGE + "ResidentCounters.pages", "three sums"),
          Map.entry(PAGE + "ResidentCounters.told", "what somebody was told of them"),
          Map.entry(PAGE + "PageRanges.gone", "frames between an unmapping and its flush"),
          Map.entry(PAGE + "FrameMap.keys", "page offsets in a cache"),
          Map.entry(PAGE + "FrameMap.values", "the frames there"),
          Map.entry(PAGE + "AnonTable.free", "numbers of anon_vmas to use again"),
          Map.entry("io.mm4j.process.mm.Mm.softLimits", "four limits"),
          Map.entry("io.mm4j.process.call.Runs.runs", "answers of mincore as run lengths"),
          Map.entry("io.mm4j.process.SizesView$Sum.pages", "what smaps sums up"),
          Map.entry("io.mm4j.process.SizesView$Sum.pssOf", "the same by kind"),
          Map.entry("io.mm4j.process.SizesView$Sum.thpOf", "the same of huge entries"));

  /** What tells of memory and not what is in it. */
  private static final Set<String> WITHOUT_BYTES = Set.of("memMap", "nodes", "nodeOf", "contents");

  /** The plugins of the SPI vma-index: ranges of addresses, never pages. */
  private static final Set<String> INDEXES = Set.of("index", "maple", "rbtree", "treemap");

  private static Stream<JavaClass> types() {
    return Modules.ALL.stream().filter(type -> Modules.of(type).equals("process"));
  }

  private static boolean isIndex(JavaClass type) {
    String name = type.getPackageName();
    return INDEXES.contains(name.substring(name.lastIndexOf('.') + 1));
  }

  @Test
  void noFieldHoldsBytesOrEntries() {
    Set<String> broken = new TreeSet<>();
    Set<String> rows = new TreeSet<>();
    types().forEach(type -> check(type, broken, rows));
    assertEquals(Set.of(), broken);
    assertEquals(new TreeSet<>(ROWS.keySet()), rows, "what is allowed is there");
  }

  private static void check(JavaClass type, Set<String> broken, Set<String> rows) {
    for (JavaField field : type.getFields()) {
      JavaClass of = field.getRawType();
      String base = of.getBaseComponentType().getName();
      boolean bytes =
          base.startsWith("java.nio.")
              || base.startsWith("java.lang.foreign.")
              || base.startsWith("sun.misc.")
              || (of.isArray() && Set.of("byte", "char", "short").contains(base));
      boolean row = of.isArray() && Set.of("long", "int").contains(base) && !isIndex(type);
      if (row && ROWS.containsKey(field.getFullName())) {
        rows.add(field.getFullName());
      } else if ((row || bytes) && !isCompilers(field)) {
        broken.add(field.getFullName() + ": " + of.getName());
      }
    }
  }

  /** The numbering of constants that a switch over an enum goes by. */
  private static boolean isCompilers(JavaField field) {
    return field.getName().contains("$");
  }

  @Test
  void bytesAreReachedByOneTypeAndEntriesBySix() {
    assertEquals(Set.of(PAGE + "PageBytes"), callers(types(), PhysicalMemory.class));
    assertEquals(
        Set.of(
            PAGE + "HugeEntries",
            PAGE + "HugeMap",
            PAGE + "PageMarks",
            PAGE + "PageRanges",
            PAGE + "PageTable",
            PAGE + "UffdEntries"),
        callers(types(), TableCursor.class));
  }

  private static Set<String> callers(Stream<JavaClass> types, Class<?> target) {
    Set<String> callers = new TreeSet<>();
    types.forEach(
        type ->
            type.getAccessesFromSelf().stream()
                .filter(access -> access.getTargetOwner().isEquivalentTo(target))
                .filter(access -> !WITHOUT_BYTES.contains(access.getName()))
                .forEach(access -> callers.add(type.getName())));
    return callers;
  }

  /** The rules find what they look for. */
  @Test
  void aTypeThatKeepsPagesForItselfIsFound() {
    JavaClass planted = new ClassFileImporter().importClasses(Planted.class).get(Planted.class);
    Set<String> broken = new TreeSet<>();
    check(planted, broken, new TreeSet<>());
    assertEquals(3, broken.size(), broken.toString());
    assertTrue(callers(Stream.of(planted), PhysicalMemory.class).contains(planted.getName()));
  }

  /** Has a page and its entries on the heap, and reads RAM past the frames. */
  static final class Planted {
    private final byte[] page = new byte[4096];
    private final long[] entries = new long[512];
    private final java.nio.ByteBuffer view = java.nio.ByteBuffer.wrap(page);

    long sum(PhysicalMemory memory) {
      return memory.getByte(0) + page[0] + entries[0] + view.get(0);
    }
  }
}
