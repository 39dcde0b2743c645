// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

/**
 * The line of the host behind {@link CpuState}. A class of its own, as a JVM lays references first
 * where the class above ends with one: in {@link CpuSlabs} they would come before the padding.
 */
@SuppressWarnings("unused") // padding
abstract class CpuPadding extends CpuState {
  /** In the gap before the first long, where a field of {@link CpuSlabs} would lie else. */
  private int behind;

  private long behind0;
  private long behind1;
  private long behind2;
  private long behind3;
  private long behind4;
  private long behind5;
  private long behind6;
  private long behind7;

  CpuPadding() {}
}
