// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/**
 * Where the JVM that runs this lays the fields of a CPU's objects: what the CPU writes at each call
 * shares no line of the host with what another CPU reads or writes, wherever the object lies in the
 * heap. So it has a line of padding before it and one behind it, within the object.
 */
class CacheLineTest {
  private static final int LINE_BYTES = 64;

  /** A field that is not static, of a class or of one above it. */
  private record Place(String name, long from, long end) {
    boolean isPadding() {
      return name.matches("(before|behind)[0-9]*");
    }
  }

  /** As CpuState without its padding. */
  @SuppressWarnings("unused") // only laid out
  private static final class Bare {
    private long other;
    private Object last = "";
  }

  /** With padding behind only, which does not keep what is in the gap behind the header away. */
  @SuppressWarnings("unused") // only laid out
  private static final class HalfPadded {
    private int last;
    private long behind0;
    private long behind1;
    private long behind2;
    private long behind3;
    private long behind4;
    private long behind5;
    private long behind6;
    private long behind7;
  }

  @Test
  void whatASheafChangesHasItsLinesAlone() throws ReflectiveOperationException {
    assertEquals("", beside(ObjectSheaf.class, name -> true));
  }

  @Test
  void whatACpuRemembersHasItsLinesAlone() throws ReflectiveOperationException {
    assertEquals("", beside(CpuSlabs.class, "last"::equals));
  }

  @Test
  void fieldsWithoutPaddingAreFound() throws ReflectiveOperationException {
    assertTrue(beside(Bare.class, "last"::equals).contains("other"));
    assertTrue(beside(HalfPadded.class, "last"::equals).contains("begin at"));
  }

  /** What is nearer than a line to the hot fields of a class; empty if nothing is. */
  private static String beside(Class<?> type, Predicate<String> isHot)
      throws ReflectiveOperationException {
    List<Place> all = places(type);
    List<Place> used = all.stream().filter(place -> !place.isPadding()).toList();
    List<Place> hot = used.stream().filter(place -> isHot.test(place.name)).toList();
    long from = hot.stream().mapToLong(Place::from).min().orElseThrow() - LINE_BYTES;
    long end = hot.stream().mapToLong(Place::end).max().orElseThrow() + LINE_BYTES;
    List<String> found = new ArrayList<>();
    for (Place place : used) {
      if (!hot.contains(place) && place.end > from && place.from < end) {
        found.add(place.toString());
      }
    }
    long first = all.stream().mapToLong(Place::from).min().orElseThrow();
    long last = all.stream().mapToLong(Place::end).max().orElseThrow();
    if (first > from) {
      found.add(
          "the object, whose fields begin at " + first + " and not at " + from + " or before");
    }
    if (last < end) {
      found.add("the object, whose fields end at " + last + " and not at " + end + " or behind");
    }
    return String.join(", ", found);
  }

  private static List<Place> places(Class<?> type) throws ReflectiveOperationException {
    // By reflection, as javac warns of each use of the class and cannot be told not to.
    Class<?> unsafe = Class.forName("sun.misc.Unsafe");
    Field one = unsafe.getDeclaredField("theUnsafe");
    one.setAccessible(true);
    Object instance = one.get(null);
    Method offset = unsafe.getMethod("objectFieldOffset", Field.class);
    Method scale = unsafe.getMethod("arrayIndexScale", Class.class);
    List<Place> places = new ArrayList<>();
    for (Class<?> each = type; each != null; each = each.getSuperclass()) {
      for (Field field : each.getDeclaredFields()) {
        if (!Modifier.isStatic(field.getModifiers())) {
          long from = ((Number) offset.invoke(instance, field)).longValue();
          Class<?> array = field.getType().arrayType();
          long bytes = ((Number) scale.invoke(instance, array)).longValue();
          places.add(new Place(field.getName(), from, from + bytes));
        }
      }
    }
    return places;
  }
}
