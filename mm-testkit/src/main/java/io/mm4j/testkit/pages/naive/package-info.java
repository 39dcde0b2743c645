// SPDX-License-Identifier: Apache-2.0

/**
 * The simplest correct page allocator, as slow as it is short: what some faults are faults of, and
 * the floor below processes under test.
 */
@NullMarked
package io.mm4j.testkit.pages.naive;

import org.jspecify.annotations.NullMarked;
