// SPDX-License-Identifier: Apache-2.0
/**
 * The state of one address space ({@code mm_struct}) and the accounting on it, and what all address
 * spaces of a machine share.
 */
@NullMarked
package io.mm4j.process.mm;

import org.jspecify.annotations.NullMarked;
