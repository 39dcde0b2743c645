// SPDX-License-Identifier: Apache-2.0

/** A naive model of address spaces: areas in a sorted map, every sum a recount. */
@NullMarked
package io.mm4j.testkit.process.naive;

import org.jspecify.annotations.NullMarked;
