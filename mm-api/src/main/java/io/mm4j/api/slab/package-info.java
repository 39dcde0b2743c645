// SPDX-License-Identifier: Apache-2.0

/** Object allocation: the contract of the slab floor. */
@NullMarked
package io.mm4j.api.slab;

import org.jspecify.annotations.NullMarked;
