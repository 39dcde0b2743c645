// SPDX-License-Identifier: Apache-2.0

/**
 * The simplest correct plugins, as slow as they are short: what the faults are faults of, and the
 * floors below a plugin under test.
 */
@NullMarked
package io.mm4j.testkit.naive;

import org.jspecify.annotations.NullMarked;
