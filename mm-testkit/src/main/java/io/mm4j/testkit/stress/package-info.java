// SPDX-License-Identifier: Apache-2.0

/** Threads that work at once in a rule. */
@NullMarked
package io.mm4j.testkit.stress;

import org.jspecify.annotations.NullMarked;
